/* What extracted card keys cost holding and pool while limits are raised. Two payers whose keys are out pay as much as they like; a
 * payee takes what policy or order let it take, synchronises when it can, and is helped with claims that nobody covers. README.md
 * says what is promised. A payment is of one krona. */
#include "telling.pml"

/* What a payee may take between two acknowledgements, and of that from one payer: by policy, by the order, by the ceilings. */
#define TAKE(order) ((order) -> 4 : 2)
#define FROM(order) ((order) -> 3 : 1)
#define TAKE_CEILING 6
#define MOST 7

#ifdef PAYEE_TOO
#define STOLEN true /* the payee's key is out as well */
#else
#define STOLEN false
#endif

/* One order: not yet signed, in force, over. */
#define NEVER 0
#define FORCE 1
#define OVER  2
byte order;

/* The payee: what it has taken since its last acknowledgement, from each payer. */
bool stored;
byte taken[2];

/* The notary: claims of this payee since its last acknowledgement that it knows, those that it helped with; whether the Instruction
 * that the payee has applied last was signed when the order was over; the acknowledgement under way. */
byte known[2], helped;
bool told, out, outTold;
byte upto[2];
byte old; /* records beyond its last acknowledgement that it had when it was told: the Confirmation's ATC says how many */

#define SUM(a) (a[0] + a[1])

/* The order that a payee can have had since its last acknowledgement. */
#if defined(HELP_NOW)
#define HELP TAKE(order == FORCE)
#elif defined(HELP_POLICY)
#define HELP TAKE(false)
#elif defined(HELP_TOLD)
#define HELP TAKE(order != NEVER && !told)
#elif defined(HELP_CEILINGS)
#define HELP TAKE_CEILING
#else
#define HELP TAKE(order != NEVER && (!told || old > 0))
#endif
#ifdef NO_PAYER_LIMIT
#define FROM_LIMIT TAKE(stored)
#else
#define FROM_LIMIT FROM(stored)
#endif

inline know(k) {
	known[k]++;
	if
	:: helped < HELP -> helped++;
		if :: order == OVER && helped > TAKE(false) -> MET(0, "met an order that was over when its payee synchronised\n") :: else fi
	:: else ->
		MET(1, "met a claim that waits for a person\n");
		MUST(STOLEN, "broken honest: an honest payee's claim waits for a person\n")
	fi;
	MUST(helped <= TAKE(order != NEVER), "broken help: more help between two acknowledgements than an order allows\n")
}

proctype Payer(byte k) {
	end: do
	:: d_step { STOLEN && known[k] < MOST -> TELL("the stolen payee key claims from payer %d\n", k); know(k) }
	:: d_step { !STOLEN && SUM(taken) < TAKE(stored) && taken[k] < FROM_LIMIT ->
		taken[k]++; TELL("the payee takes a payment of payer %d\n", k);
		MUST(taken[k] <= FROM(order != NEVER),
			"broken payer: more from one payer between two acknowledgements than an order lets a card spend\n") }
	:: d_step { !STOLEN && known[k] < taken[k] -> TELL("the notary knows a claim on payer %d\n", k); know(k) }
	od
}

proctype World() {
	end: do
	:: d_step { order == NEVER -> order = FORCE; TELL("an order is in force\n") }
	:: d_step { order == FORCE -> order = OVER; TELL("the order is over\n") }
	:: d_step { order != NEVER && !told && !stored -> stored = true; TELL("the payee takes the order\n") }
	:: d_step { !out && !STOLEN && SUM(known) > 0 || !out && order == OVER && !told ->
		out = true; outTold = (order == OVER); upto[0] = known[0]; upto[1] = known[1];
		TELL("the notary acknowledges %d and %d\n", upto[0], upto[1]) }
	:: d_step { out ->
		out = false;
		if :: SUM(upto) < SUM(taken) -> MET(2, "met a prefix acknowledged\n") :: else fi;
		taken[0] = (STOLEN -> 0 : taken[0] - upto[0]); taken[1] = (STOLEN -> 0 : taken[1] - upto[1]);
		helped = (helped > SUM(upto) -> helped - SUM(upto) : 0);
		known[0] = known[0] - upto[0]; known[1] = known[1] - upto[1];
		if
		:: outTold && !told -> old = SUM(taken);
			if :: old > 0 -> MET(3, "met records under an order beyond the acknowledgement that ended it\n") :: else fi
		:: else -> old = (old > SUM(upto) -> old - SUM(upto) : 0)
		fi;
		told = outTold; stored = stored && !told; outTold = false; upto[0] = 0; upto[1] = 0;
		TELL("the payee applies the Instruction\n") }
	od
}

init { atomic { run World(); run Payer(0); run Payer(1) } }
