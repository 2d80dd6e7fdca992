/* config_words.h: the words of the configuration, as tables.
 *
 * One row per setting says how it is written, what it means and where its value lives, so that the
 * parser, the canonical writer, the "did you mean" of an error and the check of the man page all
 * come from the same place. Only config*.c, the shell and tests need this. */
#ifndef VSN_MODEL_CONFIG_WORDS_H
#define VSN_MODEL_CONFIG_WORDS_H

#include "model/config.h"

enum config_block { BLOCK_TOP, BLOCK_HYPERVISOR, BLOCK_INTERFACE, BLOCK_VSN, N_CONFIG_BLOCKS };

struct config_word {
    const char *words; /* what stands there literally, blanks between: "vlan allowed" */
    const char *form;  /* what follows, for people: "LIST"; "" for nothing */
    const char *help;
    unsigned least, most; /* how many arguments may follow */

    /* Where the value lives in the block's struct: what 'no WORDS' sets back to its default, and
     * what is written when it differs from that. */
    size_t offset, size;
    uint32_t low, high;         /* numbers */
    const char *const *choices; /* words of an enumeration, NULL-terminated */
    bool inverted;              /* a flag that is set by 'no WORDS' */
    bool always;                /* written even when it is the default: a policy worth reading */

    /* Takes in the arguments. Returns 0, or a negative errno with a reason that needs no line. */
    int (*parse)(const struct config_word *word, void *block, unsigned argc, char **argv,
                 struct error *reterr);
    /* Appends the arguments, with a blank before each. NULL: there are none. */
    void (*write)(const struct config_word *word, const void *block, struct strbuf *to);

    enum config_block opens; /* the block that the line begins; BLOCK_TOP: none */
};

/* The rows of a block, in the order in which they are written. */
const struct config_word *config_words(enum config_block block, size_t *ret_count);

/* "the top level", "a hypervisor block". */
const char *config_block_name(enum config_block block);

/* The row of a block with the most fixed words that a line begins with, and how many they are; or
 * NULL. */
const struct config_word *config_word_find(enum config_block block, unsigned count, char **words,
                                           unsigned *ret_fixed);

/* Says as helpfully as it can that a line (at least one word) begins with nothing that the block
 * knows. Returns -EINVAL. */
int config_word_unknown(enum config_block block, unsigned count, char **words,
                        struct error *reterr);

/* Appends "'vlan allowed LIST'". */
void config_word_text(const struct config_word *word, struct strbuf *to);

/* Room for any block's struct. */
union config_any {
    struct config config;
    struct config_hypervisor hypervisor;
    struct config_port port;
};

/* A block's struct (struct config, struct config_hypervisor, struct config_port) with every
 * default. BLOCK_VSN shares struct config with BLOCK_TOP. */
void config_block_default(enum config_block block, void *ret_block);

/* Appends the lines of a block's settings that differ from their default (or are always written),
 * each after 'indent'. */
void config_block_write(enum config_block block, const void *object, const char *indent,
                        struct strbuf *to);

/* Appends one word, in quotes where it would otherwise not be read back as one. */
void config_quote(const char *word, struct strbuf *to);

#endif
