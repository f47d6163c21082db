/* The payees whose certificates a card keeps: one card with room for one CA, two CAs, one of which the root certifies anew with another
 * key when its key is stolen; a payee of each, and one that thieves certify; and who shows the card what was heard. README.md says what is
 * promised. */
#include "telling.pml"

/* Keys of CAs: FORMER and NEXT have one reference, OTHER has another. */
#define FORMER 1
#define NEXT   2
#define OTHER  3
/* Payees: of FORMER, by thieves who have FORMER, of NEXT, of OTHER. */
#define PAYEES 4
#define BY(p)  ((p) < 2 -> FORMER : (p))
#define REFERENCE(k) ((k) == OTHER -> OTHER : FORMER)

bool stolen;              /* FORMER is; from then on there is NEXT */
byte stored = FORMER;     /* the card's CA */
byte shown;               /* and that of its session */
bool kept[PAYEES];        /* whose certificate the card keeps */
bool heard[PAYEES];       /* a PAY for this payee, with another nonce or a PIN that nobody knows, can be shown */
byte p;

#define EXISTS(p) ((p) == 0 || (p) == 3 || stolen)
#define KNOWN(k)  (REFERENCE(stored) == REFERENCE(k) || shown != 0 && REFERENCE(shown) == REFERENCE(k))
/* What is presented comes first, as on the card. */
#define FOUND(k)  (shown != 0 && REFERENCE(shown) == REFERENCE(k) -> shown : stored)

inline keep(q) {
	kept[q] = true
}

/* store has the payment store the CA that it was verified by. */
inline store(k) {
	if
	:: stored != (k) -> stored = (k);
		MET(0, "met a CA stored in place of another\n");
#ifndef NOT_FORGOTTEN
		kept[0] = false; kept[1] = false; kept[2] = false; kept[3] = false
#endif
	:: else
	fi
}

proctype World() {
	end: do
	:: d_step { !stolen -> stolen = true; TELL("the key of a CA is stolen, and it gets another\n") }
	:: d_step { shown != 0 -> shown = 0; TELL("the card is selected\n") }
	:: atomic {
		if :: shown = FORMER :: stolen -> shown = NEXT :: shown = OTHER fi;
		/* A reference that the card knows with another key is refused. */
		if :: d_step { shown != stored && REFERENCE(shown) == REFERENCE(stored) -> shown = 0 }
		:: else -> TELL("CA key %d is presented\n", shown)
		fi }
	od
}

proctype Card() {
	end: do
	/* A PAY by the owner, with the PIN. */
	:: atomic {
		if :: p = 0 :: p = 1 :: p = 2 :: p = 3 fi;
		if
		:: d_step { EXISTS(p) && KNOWN(BY(p)) && (kept[p] || FOUND(BY(p)) == BY(p)) ->
			TELL("payee %d is paid\n", p);
			MUST(FOUND(BY(p)) == BY(p), "broken key: a payee is paid whom the card's CA has not certified\n");
			if :: kept[p] -> MET(1, "met a familiar payee\n") :: else fi;
			store(BY(p)); keep(p); heard[p] = true }
		:: else
		fi;
		p = 0 }
	/* A PAY that was heard is shown, or one whose PIN is wrong: refused before the PIN, or with it. */
	:: atomic {
		if :: p = 0 :: p = 1 :: p = 2 :: p = 3 fi;
		if
		:: d_step { heard[p] && KNOWN(BY(p)) && (kept[p] || FOUND(BY(p)) == BY(p)) ->
			TELL("a PAY for payee %d is shown by who has no PIN\n", p);
			MET(2, "met a PAY shown again\n");
#ifdef KEPT_UNPAID
			MUST(kept[p], "broken mark: who has no PIN has the card keep a payee\n");
			keep(p)
#endif
#ifdef NOT_MADE_UP
			MUST(!kept[p], "broken time: the time of a refusal tells that the card has paid there\n")
#endif
			skip }
		:: else
		fi;
		p = 0 }
	od
}

init { atomic { run World(); run Card() } }
