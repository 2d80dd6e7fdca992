/* cmocka_unit.h: what cmocka wants included before itself. */
#ifndef VSN_TESTS_CMOCKA_UNIT_H
#define VSN_TESTS_CMOCKA_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
