/* dummy.h: a switch that is a text file, for tests and for trying vsn without a switch.
 *
 *     switch dummy /path/to/file
 *
 * One line per port; any of these words may be left out; lines that begin with '#' are remarks:
 *
 *     port swp1 enabled=yes link=up native=1 tagged=100,200-210 learnt=100
 *
 * The words are those of a 'port' row (record.h); enabled=yes, link=up and learnt_known=yes hold
 * unless something else is said. What the MAC table of a port holds is said by
 *
 *     port swp1 stations=52:54:00:00:00:01/100,52:54:00:00:00:02/200    address/VLAN
 *
 * Two more serve tests of failures:
 *
 *     port swp2 fail=add:200,remove:100,lose:300    refuse, refuse, or silently do nothing, when it
 *                                                   is the turn of that VLAN; the writes before it
 *                                                   have happened by then
 *     unreachable the cable is out                  the switch does not answer
 *
 * The file may be edited while vsn runs, and is replaced by rename when vsn writes it: additions
 * first, then, as a second write, removals. */
#ifndef VSN_SWITCH_DUMMY_H
#define VSN_SWITCH_DUMMY_H

#include "switch/driver.h"

#define DUMMY_SIZE_MAX (4 * 1024 * 1024) /* bytes of the file */

#endif
