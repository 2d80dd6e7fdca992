/* dice.h: the simulator's only source of chance: a seed in, always the same throws out. */
#ifndef VSN_SIM_DICE_H
#define VSN_SIM_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
    uint64_t state;
};

struct dice dice_of_seed(uint64_t seed);

/* The next 64 bits (SplitMix64: Steele, Lea, Flood, OOPSLA 2014). */
uint64_t dice_next(struct dice *dice);

/* A number from 'low' to 'high', both included. */
int64_t dice_range(struct dice *dice, int64_t low, int64_t high);

/* True 'percent' times in a hundred. */
bool dice_percent(struct dice *dice, unsigned percent);

/* True once in 'times' throws on average. */
bool dice_once_in(struct dice *dice, unsigned times);

#endif
