#include "programs/sim/dice.h"

struct dice dice_of_seed(uint64_t seed)
{
    struct dice dice = { seed * UINT64_C(0x9e3779b97f4a7c15) + 1 };

    dice_next(&dice);
    return dice;
}

uint64_t dice_next(struct dice *dice)
{
    uint64_t z = dice->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

int64_t dice_range(struct dice *dice, int64_t low, int64_t high)
{
    return low + (int64_t)(dice_next(dice) % (uint64_t)(high - low + 1));
}

bool dice_percent(struct dice *dice, unsigned percent)
{
    return dice_range(dice, 0, 99) < (int64_t)percent;
}

bool dice_once_in(struct dice *dice, unsigned times)
{
    return dice_range(dice, 1, times) == 1;
}
