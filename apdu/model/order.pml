/* The crisis order: limits that the central bank raises while there is no network. One card, all orders ever signed, which anybody
 * can show it at any time, in any order, any number of times or never; the notary, whose Instructions can be late; thieves of the
 * keys that sign orders; and days. README.md says what is promised.
 *
 * A payment is of one krona, so that a row's caps on payments and on money are one number here, and the row that fits is the
 * order's only one. Orders are numbered from 1; the thieves' has the highest number there is. A day is what a terminal's Request
 * carries; between two cards nobody knows the day.
 */
#define DAYS 3 /* the last day: every order is over */

#include "telling.pml"

#ifndef BUDGETS
#define BUDGETS 1 /* how often an order's cap can be used after the crisis */
#endif
#ifndef WRITES
#define WRITES 3 /* one for each order that there is */
#endif
#define POLICY  1 /* most paid since the last acknowledgement */
#define CEILING 4
#if defined(LOWERED)
/* The second order lowers what the first had raised. */
#define CAP(o) ((o) == 1 -> 3 : 2)
#define ORDERS 2
#elif defined(WEAK)
/* An order whose row holds less than the policy. */
#define CAP(o) 0
#define ORDERS 1
#elif defined(THIEVES) || defined(FORMER_ROOT) || defined(ONE_KEY)
/* Order 1 by the first crisis key; order 2 by the second, if there is one by then; the thieves' is number 9. */
#define CAP(o) ((o) == THEIRS -> 9 : 2)
#define ORDERS 2
#elif defined(ROLLOVER)
/* The crisis key is replaced in mid-crisis, and nothing is stolen. */
#define CAP(o) 2
#define ORDERS 2
#else /* RAISED */
/* The second order raises more. */
#define CAP(o) ((o) == 1 -> 2 : 3)
#define ORDERS 2
#endif
#if defined(PAYMENTS)
#elif defined(THIEVES) || defined(FORMER_ROOT)
#define PAYMENTS 5
#else
#define PAYMENTS 7
#endif
#define FROM(o)  1
#ifdef ANY_END
#define THEIR_END DAYS
#else
#define THEIR_END 2 /* the end of the certificates of the stolen keys */
#endif
#define UNTIL(o) ((o) == THEIRS -> THEIR_END : ((o) == 1 -> 1 : 2))
#define THEIRS   9

/* Crisis keys, an older one first: the first, one that thieves of the former root have certified, the second, by the next root. */
#define FIRST  1
#define FORGED 2
#define SECOND 3
#ifdef FORMER_ROOT
#define THEIR_KEY FORGED
#else
#define THEIR_KEY FIRST
#endif

/* The central bank: the highest number signed, the lowest good one, the crisis key that signed each. */
byte today, issued, low = 1;
byte keyOf[3]; /* crisis key of order o */
bool second; /* the root has certified a second crisis key, since the first is stolen */
bool notaryStolen, crisisStolen;

/* The card. */
bool made;
byte lowest, stored, crisis, floor; /* stored: number of the order that it holds */
byte paid, acked;

/* The notary's knowledge of it, and the Instruction that is under way. */
bool seen, out;
byte seenPaid, upto, outLow, outDate;

/* Ghosts: what the promises speak of. */
byte told;   /* the lowest good number when the last Instruction that the card has applied was signed */
byte after;  /* payments since the crisis was over, until the card was told */
byte writes; /* orders written since the last Instruction */
byte newest; /* the highest number that the card has taken since the last Instruction, the thieves' apart */
bool clean;  /* an Instruction was applied when the second crisis key could be shown before it */

#define MOST(a, b)  ((a) > (b) -> (a) : (b))
#define LEAST(a, b) ((a) < (b) -> (a) : (b))
#define MOST4(a, b, c, d) MOST(MOST(a, b), MOST(c, d))

/* Whether the stored order counts on a day that the card is shown (a terminal) or is not (another card). */
#ifdef NO_FROM
#define BEGUN(day, exact) true
#else
#define BEGUN(day, exact) (!(exact) || (day) >= FROM(stored))
#endif
#if defined(NO_UNTIL)
#define GOING(day) (floor <= UNTIL(stored))
#elif defined(NO_FLOOR)
#define GOING(day) ((day) <= UNTIL(stored))
#else
#define GOING(day) (MOST(floor, day) <= UNTIL(stored))
#endif
#define COUNTS(day, exact) (stored != 0 && BEGUN(day, exact) && GOING(day))
#if defined(ROW_ALONE)
#define LIMIT(day, exact) (COUNTS(day, exact) -> LEAST(CEILING, CAP(stored)) : POLICY)
#elif defined(ADDS)
#define LIMIT(day, exact) (COUNTS(day, exact) -> LEAST(CEILING, POLICY + CAP(stored)) : POLICY)
#elif defined(NO_CEILING)
#define LIMIT(day, exact) (COUNTS(day, exact) -> MOST(POLICY, CAP(stored)) : POLICY)
#else
#define LIMIT(day, exact) (COUNTS(day, exact) -> LEAST(CEILING, MOST(POLICY, CAP(stored))) : POLICY)
#endif
#ifdef TAKING_RESETS
byte base; /* what was paid when the order was taken */
#define SPENT (paid - MOST(acked, base))
#elif defined(PREFIX_RESETS)
byte base; /* what was paid when the Instruction was applied */
#define SPENT (paid - MOST(acked, base))
#else
#define SPENT (paid - acked)
#endif

/* The most that one order which was ever signed could allow, and on a day; thieves of both keys have the ceilings. */
#define ROBBED  (notaryStolen && crisisStolen)
#define HIGHEST MOST4(POLICY, (issued >= 1 -> CAP(1) : 0), (issued >= 2 -> CAP(2) : 0), (ROBBED -> CEILING : 0))
#define ON(o, day) (issued >= (o) && (day) >= FROM(o) && (day) <= UNTIL(o) -> CAP(o) : 0)
#define HIGHEST_ON(day) MOST4(POLICY, ON(1, day), ON(2, day), (ROBBED && (day) <= 2 -> CEILING : 0))
#define OVER    (issued != 0 && low > issued)

/* Thieves sign what they like: order THEIRS exists as soon as they have the keys that the card asks for. */
#ifdef ONE_SIGNATURE
#define FORGING (notaryStolen || crisisStolen)
#else
#define FORGING ROBBED
#endif
#define EXISTS(o) ((o) == THEIRS -> FORGING : (o) <= issued)
#define KEY(o)    ((o) == THEIRS -> THEIR_KEY : keyOf[(o) % 3])

/* A crisis key counts when it is the stored one or a newer one, whose certificate is shown before the order. */
#if defined(KEY_STAYS)
#define NEWER(k) false
#elif defined(LATER_END) /* the thieves' certificate ends last */
#define NEWER(k) ((k) > crisis && crisis != FORGED)
#else
#define NEWER(k) ((k) > crisis)
#endif
#ifdef ANY_KEY
#define KEY_GOOD(o) true
#else
#define KEY_GOOD(o) (KEY(o) == crisis || NEWER(KEY(o)))
#endif
#if defined(ANY_NUMBER)
#define HIGHER(o) (stored != (o))
#elif defined(ORDER_STAYS)
#define HIGHER(o) (stored == 0 || (o) > stored)
#else
#define HIGHER(o) (stored == 0 || (o) > stored || NEWER(KEY(o)))
#endif
#define TAKES(o) (KEY_GOOD(o) && (o) >= lowest && HIGHER(o))

/* learn stores a newer crisis key, whoever shows its certificate: no message names a crisis key for ever. What the former one has
 * signed is dropped. */
inline learn(k) {
	if
	:: NEWER(k) -> crisis = k;
		TELL("the card learns crisis key %d\n", k);
		if
#ifndef ORDER_STAYS
		:: stored != 0 ->
			if
			:: stored == THEIRS -> MET(5, "met a thieves' order dropped\n")
			:: else -> MET(9, "met an order dropped with its key\n")
			fi;
			stored = 0
#endif
		:: else
		fi
	:: else
	fi
}

inline take(o) {
	learn(KEY(o));
	stored = o;
	newest = (o > newest && o != THEIRS -> o : newest);
	writes++;
#ifdef TAKING_RESETS
	base = paid;
#endif
	MUST(writes <= WRITES, "broken writes: strangers write without bound\n")
}

inline pay(exact) {
	paid++;
	after = (OVER && told < low -> after + 1 : after);
	MUST(!exact || paid - acked <= HIGHEST_ON(today),
		"broken day: a terminal is paid under an order that is over, or has not begun\n");
	MUST(paid - acked <= POLICY || UNTIL(stored) >= floor,
		"broken floor: an order is used that is over by the card's own date\n");
	MUST(paid - acked <= HIGHEST, "broken cap: more paid since the acknowledgement than any order allows\n");
	MUST(paid - acked <= CEILING, "broken ceiling: more than the ceilings allow\n");
	MUST(after <= BUDGETS * HIGHEST || FORGING, "broken budget: more paid after the crisis than the bound\n")
}

proctype World() {
	end: do
	:: d_step { today < DAYS -> today++; TELL("day %d\n", today) }
	:: d_step { issued < ORDERS && today <= UNTIL(issued + 1) && !(ROBBED && !second) ->
#if defined(ROLLOVER) && !defined(KEY_ALONE)
		second = (issued == 1);
#endif
		issued++; keyOf[issued] = (second -> SECOND : FIRST); low = issued; after = 0;
		TELL("the central bank signs order %d with crisis key %d\n", issued, keyOf[issued]) }
	:: d_step { issued != 0 && low <= issued -> low = issued + 1; TELL("the crisis is over: the lowest good number is %d\n", low) }
#if defined(KEY_ALONE)
	:: d_step { issued == 1 && !second -> second = true; TELL("the root certifies a second crisis key\n") }
#endif
#if defined(THIEVES) || defined(FORMER_ROOT)
#ifdef THIEVES
	:: d_step { !notaryStolen -> notaryStolen = true; crisisStolen = true; TELL("both keys are stolen\n") }
#else
	:: d_step { !notaryStolen -> notaryStolen = true; crisisStolen = true; TELL("the former root is stolen, and certifies keys\n") }
#endif
	:: d_step { notaryStolen && !second -> second = true; TELL("the root certifies a second crisis key\n") }
#elif defined(ONE_KEY)
	:: d_step { !notaryStolen && !crisisStolen -> notaryStolen = true; TELL("the notary key is stolen\n") }
	:: d_step { !notaryStolen && !crisisStolen -> crisisStolen = true; TELL("the crisis key is stolen\n") }
#endif
	od
}

proctype Card() {
	byte o;
	end: do
	:: d_step { !made ->
		made = true; crisis = (second -> SECOND : FIRST); floor = today;
#ifdef NEW_CARD_ANY
		lowest = 0;
#else
		lowest = low;
#endif
		told = low;
		TELL("a card is personalized; its lowest good number is %d\n", lowest) }
	:: d_step { made && second && NEWER(SECOND) -> learn(SECOND) }
#ifdef FORMER_ROOT
	:: d_step { made && ROBBED && NEWER(FORGED) -> learn(FORGED) }
#endif
	:: d_step { made && EXISTS(1) && TAKES(1) -> TELL("the card takes order 1\n"); take(1) }
	:: d_step { made && EXISTS(2) && TAKES(2) -> TELL("the card takes order 2\n");
		if
		:: stored == 1 -> MET(0, "met an order in place of another\n")
		:: stored == THEIRS -> MET(1, "met a thieves' order undone without network\n")
		:: else
		fi;
		take(2) }
	:: d_step { made && EXISTS(THEIRS) && TAKES(THEIRS) -> TELL("the card takes the thieves' order\n");
		MET(2, "met a thieves' order\n"); take(THEIRS) }
	:: d_step { made && paid < PAYMENTS && SPENT < LIMIT(today, true) -> TELL("the card pays a terminal\n"); pay(true) }
	:: d_step { made && paid < PAYMENTS && SPENT < LIMIT(0, false) -> TELL("the card pays another card\n");
		if :: OVER && SPENT >= POLICY -> MET(3, "met an order used between cards after the crisis\n") :: else fi;
		pay(false) }
	:: d_step { made && !out && (!seen || seenPaid != paid) -> seen = true; seenPaid = paid; TELL("the card signs a State\n") }
	:: d_step { out ->
		TELL("the card applies the Instruction: acknowledged up to %d, lowest good number %d\n", upto, outLow);
		out = false;
		if :: upto < paid -> MET(4, "met a prefix acknowledged\n") :: else fi;
#ifdef PREFIX_RESETS
		base = paid;
#endif
		acked = upto;
		floor = outDate;
		told = outLow;
		writes = 0;
		clean = second; newest = 0;
		if :: second -> learn(SECOND) :: else fi;
#if defined(RISES_ONLY)
		lowest = MOST(lowest, outLow);
#elif !defined(NO_LOWEST)
		lowest = outLow;
#endif
		MUST(lowest <= outLow, "broken remedy: a number that thieves set stops the central bank's orders\n");
		if
#ifdef EXACT
		:: stored != 0 && stored != outLow ->
#else
		:: stored != 0 && stored < outLow ->
#endif
			MUST(stored < outLow, "broken newer: an Instruction takes away an order that is newer than itself\n");
			MET(6, "met an order dropped\n");
			stored = 0
		:: stored != 0 && stored > outLow && stored != THEIRS -> MET(7, "met an Instruction older than the order\n")
		:: stored != 0 && stored == outLow -> MET(8, "met a synchronisation in mid-crisis\n")
		:: else
		fi;
		upto = 0; outLow = 0; outDate = 0 }
#if defined(THIEVES) || defined(FORMER_ROOT)
	/* Who has the instruction key too gives Instructions; with the root's next keys it ends. */
	:: d_step { made && !out && ROBBED && crisis != SECOND && lowest != THEIRS -> lowest = THEIRS;
		TELL("the thieves' Instruction sets the lowest good number\n") }
#endif
	od
}

inline instruct(n) {
	out = true; upto = n; outLow = low; outDate = today;
	seen = false; seenPaid = 0;
	TELL("the notary signs an Instruction: acknowledged up to %d, lowest good number %d\n", upto, outLow)
}

proctype Notary() {
	end: do
	:: d_step { seen && !out && seenPaid >= acked -> instruct(seenPaid) }
	:: d_step { seen && !out && seenPaid > acked + 1 -> instruct(seenPaid - 1) }
	od
}

proctype Promises() {
	end: do
	:: d_step { made && stored != 0 && stored < told ->
		MUST(false, "broken old: a card holds an order that the notary had told it is over\n") }
	:: d_step { made && LIMIT(0, false) < POLICY -> MUST(false, "broken lower: an order lowers\n") }
	:: d_step { stored == THEIRS && !ROBBED -> MUST(false, "broken thief: one stolen key signs an order\n") }
	:: d_step { stored == THEIRS && (crisis == SECOND || clean) ->
		MUST(false, "broken remedy: the thieves' order after the second crisis key\n") }
	:: d_step { stored != THEIRS && stored != 0 && stored < newest ->
		MUST(false, "broken back: a card goes back to an order that it had replaced\n") }
#if !defined(THIEVES) && !defined(FORMER_ROOT)
	:: d_step { made && issued != 0 && low == issued && stored != issued && !TAKES(issued) ->
		MUST(false, "broken reach: a card that cannot take the order in force\n") }
#endif
	/* What the central bank signs after a theft is taken by every card, unless the thieves' Instruction forbids it. */
	:: d_step { made && stored == THEIRS && second && issued == 2 && keyOf[2] == SECOND && lowest <= 2 && !TAKES(2) ->
		MUST(false, "broken remedy: the thieves' number stops the central bank's order\n") }
	od
}

init {
	atomic { run Promises(); run World(); run Card(); run Notary() }
}
