/* What a search says of itself; every model begins with this.
 *
 * MUST is an assertion that tells, when the run to it is replayed, which promise is broken. */
#define MUST(holds, promise) if :: !(holds) -> printf(promise); assert(false) :: else fi

/* TELL is what a replayed run says of itself. MET says, once in a whole exploration, that a situation worth having was met in
 * it: `met` is hidden, so that going back in the search does not undo it. */
#ifdef COVERAGE
hidden byte met[16];
#define MET(i, what) if :: !met[i] -> met[i] = 1; printf(what) :: else fi
#define TELL(...) skip
#else
#define TELL(...) printf(__VA_ARGS__)
#define MET(i, what) skip
#endif

/* Counters and sums inside one step: no part of a state, save that Spin's breadth-first search knows nothing hidden. */
#ifdef SHORTEST
#define SCRATCH
#else
#define SCRATCH hidden
#endif
