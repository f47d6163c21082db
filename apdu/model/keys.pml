/* The keys that sign Instructions, and how a card learns their successors: one card, to which anybody can present every certificate
 * ever made, at any time; the central bank, which rolls its root, the notary's and the instruction key over; one Instruction that is
 * outstanding, with the keys that it names for ever; and thieves of what has been replaced. README.md says what is promised.
 *
 * Keys and roots are numbered in the order in which they are made; a key's number is also the end of its certificate. The thieves'
 * own key, which a stolen root certifies, has number 9. A session of the card keeps one key for each role. */
#include "telling.pml"

#define NOTARY      0
#define INSTRUCTION 1
#define THEIRS      9
#if defined(THREE_ROOTS)
#define ROOTS 3
#define KEYS  2
#elif defined(THREE_EACH) /* a larger one */
#define ROOTS 3
#define KEYS  3
#elif defined(THREE_KEYS)
#define ROOTS 2
#define KEYS  3
#else /* TWO_EACH */
#define ROOTS 2
#define KEYS  2
#endif
#define INSTRUCTIONS 2
#ifndef WRITES
#define WRITES (ROOTS - 1) /* that strangers can make a card do between two Instructions: links */
#endif

#ifdef EARLIER_END
#define END(k) ((k) == 2 -> 0 : (k)) /* the second key's certificate ends before the first's */
#else
#define END(k) (k)
#endif

/* The central bank: its root, the key of each role, and by which roots each key is certified, a bit for each. */
byte root = 1, key[2] = 1;
byte certified[8]; /* of role r, key k: certified[4 * r + k] */
bool rootStolen, keysStolen; /* the first of them, when it has been replaced */

/* The outstanding Instruction, and the keys that it names. */
bool out;
byte names[2], given;

/* The card: its root and the one before; of each role the stored key, and that of the session. */
byte current = 1, before;
byte stored[2] = 1;
byte shown[2];

/* Ghosts: the newest key of each role that signed an Instruction which the card applied; and what strangers have made the card write
 * since. */
byte doneKey[2] = 1;
byte writes;
SCRATCH byte x, y;

#define BIT(r) (1 << (r))
/* Which roots certify notary and instruction keys for a card. */
#ifdef BOTH_ROOTS
#define KNOWN(r) ((r) == current || (r) == before)
#else
#define KNOWN(r) ((r) == current)
#endif
#define HAS(role, k, r) ((k) == THEIRS && (r) == 1 && rootStolen || \
	(k) != THEIRS && (certified[4 * (role) + ((k) % 4)] & BIT(r)) != 0)

/* Never backward: not an earlier end than that of the stored key. */
#ifdef ANY_END
#define FORWARD(role, k) true
#else
#define FORWARD(role, k) (END(k) >= END(stored[role]))
#endif

/* The stored key verifies until a successor is written in its place; what the session keeps, beside it. */
#define VERIFIES(role, k) (stored[role] == (k) || shown[role] == (k))

/* Whether a phone with every certificate can have key k verified by a card whose root is a. */
#define PRESENTABLE(role, k, a) (stored[role] == (k) || HAS(role, k, a) && FORWARD(role, k))
#define ALL(a) (PRESENTABLE(NOTARY, names[NOTARY], a) && PRESENTABLE(INSTRUCTION, names[INSTRUCTION], a))
#ifdef GOES_BACK
#define CHALLENGED(a) true
#else
#define CHALLENGED(a) PRESENTABLE(INSTRUCTION, key[INSTRUCTION], a) /* the Challenge before it */
#endif

#define APPLICABLE(a) (ALL(a) && CHALLENGED(a))

/* Keys that thieves have: the first of a role, and theirs. */
#define STOLEN(k) ((k) == 1 && keysStolen || (k) == THEIRS && rootStolen)
/* Whether it has been replaced on the card: a root, once the card knows the next one. */
#define REPLACED(role, k) ((k) == 1 && doneKey[role] > 1 || (k) == THEIRS && current > 1)

inline stranger() {
	writes++;
	MUST(writes <= WRITES, "broken writes: strangers write without bound\n")
}

inline present(role, k) {
#if defined(PRESENTING_WRITES)
	stored[role] = k; stranger()
#else
	shown[role] = k
#endif
}

inline forget() {
	shown[0] = 0; shown[1] = 0
}

/* write makes the stored key that of an Instruction, which is the session's unless it is the stored one. */
inline write(role, k) {
	if
	:: shown[role] == k && FORWARD(role, k) ->
		doneKey[role] = (k > doneKey[role] -> k : doneKey[role]);
		MET(0, "met a successor written\n");
#ifndef NOT_WRITTEN
		stored[role] = k
#else
		skip
#endif
	:: else
	fi
}

proctype CentralBank() {
	end: do
	:: d_step { root < ROOTS -> root++; TELL("root %d is introduced\n", root);
#ifndef NEW_KEYS_ONLY
		/* It certifies the keys again that an outstanding Instruction may name. */
		for (x : 0 .. 1) {
			for (y : 1 .. KEYS) {
				if :: y <= key[x] -> certified[4 * x + y] = certified[4 * x + y] | BIT(root) :: else fi
			}
		}
		x = 0; y = 0;
#endif
		skip }
	:: d_step { key[NOTARY] < KEYS -> key[NOTARY]++; certified[key[NOTARY]] = BIT(root);
		TELL("notary key %d is introduced\n", key[NOTARY]) }
	:: d_step { key[INSTRUCTION] < KEYS -> key[INSTRUCTION]++; certified[4 + key[INSTRUCTION]] = BIT(root);
		TELL("instruction key %d is introduced\n", key[INSTRUCTION]) }
	:: d_step { !out && given < INSTRUCTIONS -> out = true; given++;
#ifdef GOES_BACK
		if
		:: key[NOTARY] > 1 && given > 1 -> names[NOTARY] = key[NOTARY] - 1 /* a restored backup signs with the key before */
		:: else -> names[NOTARY] = key[NOTARY]
		fi;
#else
		names[NOTARY] = key[NOTARY];
#endif
		names[INSTRUCTION] = key[INSTRUCTION];
		TELL("an Instruction is signed by notary key %d and instruction key %d\n", names[NOTARY], names[INSTRUCTION]) }
	:: d_step { root > 1 && !rootStolen -> rootStolen = true; TELL("root 1 is stolen\n") }
	:: d_step { key[NOTARY] > 1 && key[INSTRUCTION] > 1 && !keysStolen -> keysStolen = true;
		TELL("notary key 1 and instruction key 1 are stolen\n") }
	od
}

proctype Card() {
	byte role, k, r;
	end: do
	:: d_step { shown[0] != 0 || shown[1] != 0 -> forget();
		TELL("the card is selected\n") }
	/* Anybody presents anything. */
	:: d_step { current < root -> before = current; current++; stranger();
#ifndef SESSION_STAYS
		forget();
#endif
		TELL("the card learns root %d\n", current) }
	:: atomic {
		if :: role = NOTARY :: role = INSTRUCTION fi;
		if :: k = 1 :: k = 2 :: k = 3 :: k = THEIRS fi;
		if :: r = 1 :: r = 2 :: r = 3 fi;
		if
		:: d_step { KNOWN(r) && HAS(role, k, r) && FORWARD(role, k) && stored[role] != k && shown[role] != k ->
			TELL("role %d: key %d by root %d is presented\n", role, k, r); present(role, k) }
		:: else
		fi;
		role = 0; k = 0; r = 0 }
	:: d_step { out && VERIFIES(NOTARY, names[NOTARY]) && VERIFIES(INSTRUCTION, names[INSTRUCTION]) ->
		if :: names[NOTARY] < key[NOTARY] -> MET(1, "met an Instruction by a key that has a successor\n") :: else fi;
		if :: current > 1 -> MET(2, "met an Instruction after a root rollover\n") :: else fi;
		TELL("the card applies the Instruction\n");
		write(NOTARY, names[NOTARY]); write(INSTRUCTION, names[INSTRUCTION]);
		out = false; writes = 0; names[0] = 0; names[1] = 0 }
	od
}

/* What must hold in every state. */
#define MINTS(a, b) (STOLEN(a) && STOLEN(b) && VERIFIES(NOTARY, a) && VERIFIES(INSTRUCTION, b))
#define MINTS_REPLACED(a, b) (MINTS(a, b) && (REPLACED(NOTARY, a) || REPLACED(INSTRUCTION, b)))

proctype Promises() {
	end: do
	:: d_step { MINTS_REPLACED(1, 1) || MINTS_REPLACED(1, THEIRS) || MINTS_REPLACED(THEIRS, 1) || MINTS_REPLACED(THEIRS, THEIRS) ->
		MUST(false, "broken mint: what was replaced signs an Instruction that the card takes\n") }
	:: d_step { out && !APPLICABLE(current) && !(current < root && APPLICABLE(current + 1)) &&
		!(current + 1 < root && APPLICABLE(current + 2)) ->
		MUST(false, "broken brick: an outstanding Instruction that can never be applied\n") }
#ifdef COVERAGE
	:: d_step { MINTS(1, 1) -> MET(3, "met stolen keys that nothing has replaced on the card\n") }
	:: d_step { MINTS(THEIRS, THEIRS) -> MET(4, "met a stolen root that nothing has replaced on the card\n") }
#endif
	od
}

init {
	d_step { certified[1] = BIT(1); certified[5] = BIT(1) }
	atomic { run Promises(); run CentralBank(); run Card() }
}
