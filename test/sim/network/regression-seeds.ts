/** Seeds of the mixed-fault scenario that failed once. One that fails is added here when it passes again. */
export const REGRESSION_SEEDS = [20_172, 20_502, 21_514, 21_564, 21_893, 22_059, 22_224, 101_243, 5_070_628] as const;
