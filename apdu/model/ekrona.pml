/* The protocol of offline payments, small enough to be explored whole: cards that request, pay, accept and refuse, the notary that
 * settles, and between them a network that loses, repeats and reorders. README.md says what it proves and what it leaves out.
 *
 * The network is the set of all messages ever sent. Every message is a card's or the notary's word on something that it wrote
 * down for ever in the same step, so the set needs no variable of its own: a Request has been sent if the card has it in `asked`,
 * a Payment if it is in `paid`, an Instruction if it was issued. Any of them can be delivered at any time, any number of times
 * or never: an event that receives a message is enabled from the moment it exists. Only a State answers a challenge that is used
 * once: it can be late or lost, and a new one takes its place.
 *
 * Every event is one d_step, as a card's command and a notary's transaction are. Time is the order of events; there is no other.
 * Nothing is random: what Spin explores is all orders.
 */
#define DEVICES 3

/* What a request is on its payee's card, and the payee's decision as the notary knows it. */
#define NONE     0
#define OPEN     1
#define REFUSED  2
#define ACCEPTED 3 /* plus the payment */

/* Verdicts; the last three are final. */
#define UNSEEN    0
#define WAITING   1
#define RESERVED  2
#define SETTLED   3
#define VOID      4
#define UNCOVERED 5

#define HOLDING 3 /* of the intermediaries, at the beginning */

#include "telling.pml"
#include "world.pml"

/* The cards. `asked`, `decided` and `paid` are also their logs: decided[r] and paid[k] are the atc of the record. */
short balance[DEVICES];
byte atc[DEVICES], acked[DEVICES], applied[DEVICES];
bool took[DEVICES]; /* the last Instruction's credit */
byte asked[3], decided[3];
byte paid[3];
#ifdef UNDO
byte undone[3];
#define UNDONE(k) (undone[k] != 0)
#else
#define UNDONE(k) false
#define undone paid /* asked for only if UNDONE */
#endif

/* The State of each card that is under way to the notary. */
bool seen[DEVICES], seenTook[DEVICES];
byte seenAtc[DEVICES], seenSeq[DEVICES];
short seenBalance[DEVICES], seenOpen[DEVICES];

/* The notary. */
short shadow[DEVICES], online[DEVICES], debt[DEVICES], holding, late, total;
byte held[DEVICES], issued[DEVICES], confirmed[DEVICES], credit[DEVICES], upto[DEVICES];
bool reissued[DEVICES]; /* stays false: one body for ever */
byte decision[3], verdict[3];
bool over, blocked; /* the lost device was ended; some device was blocked for a claim that waits */

bool done; /* a last synchronisation was made and its result checked: nothing follows */

SCRATCH byte x, y, round, turn, card, fits;
SCRATCH short spare;
SCRATCH int set;

#define ENDED(d)  ((d) == LOST && over)
#define PAID(k)   (paid[k] != 0)
#define FINAL(k)  (verdict[k] >= SETTLED)
#define CLAIM(k)  ((verdict[k] == WAITING || verdict[k] == RESERVED) && decision[REQUEST(k)] != NONE)
#ifdef UNDO
#define GONE(k)   (FINAL(k) && !(verdict[k] == VOID && decision[REQUEST(k)] == REFUSED))
#else
#define GONE(k)   FINAL(k)
#endif
#ifdef UNCOVERED_EARLY
#define HELPED(k) (held[PAYER(k)] >= paid[k])
#else
#define HELPED(k) ENDED(PAYER(k))
#endif
#define IN(s, k)  (((s) >> (k)) & 1)
#ifdef NO_NETTING
#define SINGLE(s) (((s) & ((s) - 1)) == 0)
#else
#define SINGLE(s) true
#endif
#ifdef SWEEP_UNSPOKEN
#define KEPT(k) (verdict[k] == RESERVED || CLAIM(k))
#else
#define KEPT(k) (verdict[k] == RESERVED || verdict[k] == WAITING)
#endif
#ifdef ACK_UNHELD
#define HANDED(d, n) ((n) > held[d] && (n) <= seenAtc[d] && (n) > acked[d])
#else
#define HANDED(d, n) ((n) > held[d] && (n) <= seenAtc[d])
#endif

#define ASKS(d, r)  ((r) < REQUESTS && PAYEE(r) == (d) && asked[(r) % 3] == OPEN)
#define ROOM(d)     ((ASKS(d, 0) -> AMOUNT(0) : 0) + (ASKS(d, 1) -> AMOUNT(1) : 0) + (ASKS(d, 2) -> AMOUNT(2) : 0))
#define SLOTS(d)    ((ASKS(d, 0) -> 1 : 0) + (ASKS(d, 1) -> 1 : 0) + (ASKS(d, 2) -> 1 : 0))
#define RECORDS(d)  (atc[d] - acked[d])
#ifdef NO_RESERVE
#define PROMISED(d) 0
#else
#define PROMISED(d) ROOM(d)
#endif

#include "notary.pml"

/* accept and refuse write the payee's decision, once. */
inline accept(k) {
	asked[REQUEST(k)] = ACCEPTED + k;
	atc[PAYEE(REQUEST(k))]++;
	decided[REQUEST(k)] = atc[PAYEE(REQUEST(k))];
	balance[PAYEE(REQUEST(k))] = balance[PAYEE(REQUEST(k))] + AMOUNT(REQUEST(k))
}

/* apply takes the next Instruction; a credit that does not fit is left. */
inline apply(d, c) {
	applied[d]++;
	acked[d] = (upto[d] > acked[d] -> upto[d] : acked[d]);
	took[d] = (balance[d] + PROMISED(d) + c <= CEILING(d));
	balance[d] = balance[d] + (took[d] -> c : 0)
}

/* state is the card's answer to a fresh challenge. */
inline state(d) {
	seen[d] = true;
	seenAtc[d] = atc[d]; seenSeq[d] = applied[d]; seenTook[d] = took[d];
	seenBalance[d] = balance[d]; seenOpen[d] = ROOM(d)
}

#ifdef UNDO
inline undo(k) {
	atc[PAYER(k)]++;
	undone[k] = atc[PAYER(k)];
	balance[PAYER(k)] = balance[PAYER(k)] + AMOUNT(REQUEST(k))
}
#endif

inline forget(d) {
	seen[d] = false;
	seenAtc[d] = 0; seenSeq[d] = 0; seenTook[d] = false;
	seenBalance[d] = 0; seenOpen[d] = 0
}

proctype Request(byte r) provided (!done) {
	end: do
	:: d_step { asked[r] == NONE && balance[PAYEE(r)] + PROMISED(PAYEE(r)) + AMOUNT(r) <= CEILING(PAYEE(r)) &&
		RECORDS(PAYEE(r)) + SLOTS(PAYEE(r)) < LOGROOM ->
		asked[r] = OPEN;
		TELL("card %d asks for %d in request %d\n", PAYEE(r), AMOUNT(r), r) }
	:: d_step { asked[r] == OPEN && PAYEE(r) != THIEF ->
		asked[r] = REFUSED; atc[PAYEE(r)]++; decided[r] = atc[PAYEE(r)];
		TELL("card %d refuses request %d\n", PAYEE(r), r) }
	/* The Refusal reaches the notary by itself; a stolen key signs one whenever it likes. */
	:: d_step { asked[r] == REFUSED && decision[r] == NONE || PAYEE(r) == THIEF && asked[r] != NONE && decision[r] != REFUSED ->
		TELL("the Refusal of request %d reaches the notary\n", r);
		decide(r, REFUSED) }
	od
}

proctype Payment(byte k) provided (!done) {
	end: do
	/* PAY; the same Request is paid again only when the card has dropped the record that answers it. */
	:: d_step { !PAID(k) && asked[REQUEST(k)] != NONE && balance[PAYER(k)] >= AMOUNT(REQUEST(k)) &&
		RECORDS(PAYER(k)) + SLOTS(PAYER(k)) < LOGROOM && AGAIN(k) ->
		atc[PAYER(k)]++;
		paid[k] = atc[PAYER(k)];
		balance[PAYER(k)] = balance[PAYER(k)] - AMOUNT(REQUEST(k));
		TELL("card %d pays request %d\n", PAYER(k), REQUEST(k));
		if
		:: k == 2 && REQUEST(k) == REQUEST(0) && PAYER(k) == PAYER(0) -> MET(10, "met a request paid again\n")
		:: else
		fi }
	:: d_step { PAID(k) && asked[REQUEST(k)] == OPEN && PAYEE(REQUEST(k)) != THIEF ->
		TELL("card %d accepts the payment of card %d\n", PAYEE(REQUEST(k)), PAYER(k));
		accept(k) }
	/* The Payment, and the Receipt, reach the notary by themselves; a stolen key signs Receipts too. */
	:: d_step { PAID(k) && verdict[k] == UNSEEN ->
		TELL("the Payment of card %d for request %d reaches the notary\n", PAYER(k), REQUEST(k));
		learn(k) }
	:: d_step { asked[REQUEST(k)] == ACCEPTED + k && decision[REQUEST(k)] == NONE ||
		PAID(k) && PAYEE(REQUEST(k)) == THIEF && decision[REQUEST(k)] != ACCEPTED + k ->
		TELL("the Receipt for the payment of card %d reaches the notary\n", PAYER(k));
		decide(REQUEST(k), ACCEPTED + k) }
	:: d_step { CLAIM(k) ->
		TELL("the claim on card %d for request %d is looked at\n", PAYER(k), REQUEST(k));
		try(k) }
	:: d_step { verdict[k] == WAITING && decision[REQUEST(k)] == NONE ->
		TELL("the Payment of card %d for request %d is set aside, if it is covered\n", PAYER(k), REQUEST(k));
		setAside(k) }
#ifdef UNDO
	/* The Refusal reaches the payer's card, which takes its money back and writes that down. */
	:: d_step { PAID(k) && !UNDONE(k) && (asked[REQUEST(k)] == REFUSED || PAYEE(REQUEST(k)) == THIEF) ->
		TELL("a Refusal reaches card %d, which takes its money back\n", PAYER(k));
		undo(k) }
#endif
	od
}

proctype Device(byte d) provided (!done) {
	end: do
	:: d_step { !(seen[d] && seenAtc[d] == atc[d] && seenSeq[d] == applied[d] && seenBalance[d] == balance[d] && seenOpen[d] == ROOM(d)) ->
		TELL("card %d signs a State\n", d);
		state(d) }
	:: d_step { seen[d] && !ENDED(d) ->
		TELL("the State and records of card %d reach the notary\n", d);
		take(d);
		if
		:: issued[d] == confirmed[d] && issued[d] < INSTRUCTIONS && held[d] > upto[d] ->
			TELL("the notary signs an Instruction for card %d\n", d);
			instruct(d, 0)
		:: else
		fi;
		forget(d) }
	:: d_step { seen[d] && !ENDED(d) && issued[d] == seenSeq[d] && issued[d] < INSTRUCTIONS &&
		LOAD(d) > 0 && LOAD(d) <= online[d] && seenBalance[d] + seenOpen[d] + LOAD(d) <= CEILING(d) ->
		TELL("the State and records of card %d reach the notary, which signs an Instruction with a credit\n", d);
		take(d); instruct(d, LOAD(d)); forget(d) }
	:: d_step { applied[d] < issued[d] ->
		TELL("the Instruction reaches card %d\n", d);
		apply(d, credit[d]) }
	:: d_step { applied[d] == issued[d] && issued[d] > confirmed[d] && !ENDED(d) ->
		TELL("the Confirmation of card %d reaches the notary\n", d);
		confirm(d, took[d]) }
#ifdef TWO_BODIES
	/* The Instruction seems lost: another one with its number, without the credit. */
	:: d_step { issued[d] > confirmed[d] && !reissued[d] && credit[d] > 0 ->
		TELL("the notary signs the Instruction for card %d again, without the credit\n", d);
		reissued[d] = true; shadow[d] = shadow[d] - credit[d]; online[d] = online[d] + credit[d] }
	:: d_step { applied[d] < issued[d] && reissued[d] ->
		TELL("the second Instruction reaches card %d\n", d);
		apply(d, 0) }
#endif
#ifdef ACK_UNHELD
	/* The records do not come with the State, and are acknowledged. */
	:: d_step { seen[d] && issued[d] == confirmed[d] && issued[d] < INSTRUCTIONS && seenAtc[d] > upto[d] ->
		TELL("the State of card %d reaches the notary without records, which acknowledges them\n", d);
		instruct(d, 0); upto[d] = seenAtc[d]; forget(d) }
#endif
	od
}

proctype Notary() provided (!done) {
	end: do
	:: d_step { CLAIM(0) || CLAIM(1) || CLAIM(2) ->
		TELL("the queue is settled\n");
		net() }
	:: d_step { LOST != NOBODY && !over ->
		TELL("card %d is ended\n", LOST);
		endDevice(LOST) }
	od
}

#include "invariants.pml"
#include "finale.pml"

init {
	d_step {
		for (x : 0 .. DEVICES - 1) {
			balance[x] = FUNDS(x); shadow[x] = FUNDS(x); online[x] = ONLINE(x);
			total = total + FUNDS(x) + ONLINE(x)
		}
		holding = HOLDING;
		total = total + HOLDING
	}
	atomic {
		run Invariants(); run Notary();
		run Device(0); run Device(1);
#if THIEF != 2
		run Device(2);
#endif
		run Request(0);
#if REQUESTS > 1
		run Request(1);
#endif
#if REQUESTS > 2
		run Request(2);
#endif
		run Payment(0); run Payment(1);
#if PAYMENTS > 2
		run Payment(2);
#endif
#if THIEF == NOBODY
		run Faultless(false, false); run Faultless(true, false);
#endif
#if LOST != NOBODY
		run Faultless(false, true); run Faultless(true, true);
#endif
	}
}
