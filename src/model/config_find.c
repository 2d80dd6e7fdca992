#include "model/config_words.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/closest.h"
#include "base/text.h"

/* How many of a row's fixed words 'words' begins with, or 0 when they differ. */
static unsigned match_row(const struct config_word *row, unsigned count, char **words)
{
    const char *at = row->words;

    for (unsigned agreed = 0; agreed < count; agreed++) {
        size_t length = strcspn(at, " ");

        if (strlen(words[agreed]) != length || strncmp(words[agreed], at, length) != 0)
            return 0;
        if (!at[length])
            return agreed + 1;
        at += length + 1;
    }
    return 0;
}

const struct config_word *config_word_find(enum config_block block, unsigned count, char **words,
                                           unsigned *ret_fixed)
{
    const struct config_word *found = NULL;
    size_t n_rows;
    const struct config_word *rows = config_words(block, &n_rows);

    *ret_fixed = 0;
    for (size_t i = 0; i < n_rows; i++) {
        unsigned fixed = match_row(&rows[i], count, words);

        if (fixed > *ret_fixed) {
            *ret_fixed = fixed;
            found = &rows[i];
        }
    }
    return found;
}

void config_word_text(const struct config_word *row, struct strbuf *to)
{
    strbuf_addf(to, "'%s%s%s'", row->words, *row->form ? " " : "", row->form);
}

/* True when the row's first word is 'word'. */
static bool begins_with(const struct config_word *row, const char *word)
{
    size_t length = strcspn(row->words, " ");

    return strlen(word) == length && strncmp(row->words, word, length) == 0;
}

/* The row whose first word is nearest to 'word'; with 'first', the row that begins with 'first' and
 * whose second word is nearest. NULL when none is near. */
static const struct config_word *find_nearest(enum config_block block, const char *first,
                                              const char *word)
{
    const struct config_word *nearest = NULL;
    unsigned best = UINT_MAX;
    size_t n_rows;
    const struct config_word *rows = config_words(block, &n_rows);

    for (size_t i = 0; i < n_rows; i++) {
        const char *blank = strchr(rows[i].words, ' ');
        char candidate[64];

        if (first && (!blank || !begins_with(&rows[i], first)))
            continue;
        text_copy(candidate, sizeof(candidate), first ? blank + 1 : rows[i].words);
        candidate[strcspn(candidate, " ")] = '\0';
        if (closest_improves(word, candidate, &best))
            nearest = &rows[i];
    }
    return nearest;
}

/* The first word is right, what follows it is not: says what could follow. False when the first
 * word is none of the block's. */
static bool explain_second(enum config_block block, unsigned count, char **words, struct strbuf *to)
{
    const struct config_word *nearest = count > 1 ? find_nearest(block, words[0], words[1]) : NULL;
    const char *between = "";
    size_t n_rows;
    const struct config_word *rows = config_words(block, &n_rows);

    strbuf_addf(to, "%s%s%s after '%s' in %s; ", count > 1 ? "unknown word '" : "nothing",
                count > 1 ? words[1] : "", count > 1 ? "'" : "", words[0],
                config_block_name(block));
    strbuf_adds(to, nearest ? "did you mean " : "expected ");
    for (size_t i = 0; i < n_rows; i++) {
        if (nearest ? &rows[i] != nearest : !begins_with(&rows[i], words[0]))
            continue;
        strbuf_adds(to, between);
        config_word_text(&rows[i], to);
        between = " or ";
    }
    return nearest || *between;
}

/* The block in which the line would be right, or N_CONFIG_BLOCKS. */
static enum config_block find_elsewhere(unsigned count, char **words)
{
    for (enum config_block block = BLOCK_TOP; block < N_CONFIG_BLOCKS; block++) {
        unsigned fixed;

        if (config_word_find(block, count, words, &fixed))
            return block;
    }
    return N_CONFIG_BLOCKS;
}

static void explain_first(enum config_block block, unsigned count, char **words, struct strbuf *to)
{
    enum config_block elsewhere = find_elsewhere(count, words);
    const struct config_word *nearest = find_nearest(block, NULL, words[0]);

    if (!nearest)
        nearest = find_nearest(BLOCK_TOP, NULL, words[0]);
    if (elsewhere < N_CONFIG_BLOCKS) {
        strbuf_addf(to, "'%s' stands in %s, but belongs into %s", words[0],
                    config_block_name(block), config_block_name(elsewhere));
        return;
    }
    strbuf_addf(to, "unknown word '%s' in %s", words[0], config_block_name(block));
    if (nearest) {
        strbuf_adds(to, "; did you mean ");
        config_word_text(nearest, to);
        strbuf_addc(to, '?');
    }
}

int config_word_unknown(enum config_block block, unsigned count, char **words, struct error *reterr)
{
    struct strbuf text;
    int r;

    strbuf_init(&text, 2 * CONFIG_LINE_MAX);
    if (!explain_second(block, count, words, &text)) {
        strbuf_reset(&text);
        explain_first(block, count, words, &text);
    }
    r = error_set(reterr, -EINVAL, "%s", strbuf_text(&text));
    strbuf_done(&text);
    return r;
}

bool config_has_limits(const struct config *config)
{
    return config->limit_vlans || config->limit_port_vlans || config->limit_memberships;
}
