/* What must hold in every state (protocol section 8). */

#define HONEST(d) ((d) != THIEF && !ENDED(d))

/* 8.1: issued = all online + all shadow + the holding. */
#define CONSERVED (online[0] + online[1] + online[2] + shadow[0] + shadow[1] + shadow[2] + holding == total)

/* 8.2, as one who sees everything knows it at every moment: what the card has is its shadow wallet's, with what is under way. */
#define TAKEN_IN(d, r) ((r) < REQUESTS && PAYEE(r) == (d) && asked[(r) % 3] >= ACCEPTED && !FINAL(asked[(r) % 3] - ACCEPTED) -> AMOUNT(r) : 0)
#define PAID_OUT(d, k) ((k) < PAYMENTS && PAYER(k) == (d) && PAID(k) && !GONE(k) && !UNDONE(k) -> AMOUNT(REQUEST(k)) : 0)
#define PENDING(d)     (reissued[d] || applied[d] == issued[d] && took[d] -> 0 : credit[d])
#define EXPLAINED(d)   (balance[d] == shadow[d] - debt[d] + TAKEN_IN(d, 0) + TAKEN_IN(d, 1) + TAKEN_IN(d, 2) \
	- PAID_OUT(d, 0) - PAID_OUT(d, 1) - PAID_OUT(d, 2) - PENDING(d))

/* 8.3: what can be spent never exceeds what stands behind it. */
#define SPENDABLE(d) (HONEST(d) -> balance[d] : 0)
#define COVERED      (SPENDABLE(0) + SPENDABLE(1) + SPENDABLE(2) <= shadow[0] + shadow[1] + shadow[2] + (over -> holding : 0))

/* 8.4: the money is with the payee or comes back, never both; and only the payee's acceptance, or its end, takes it. */
#define RETURNED(r) (asked[r] >= ACCEPTED && verdict[asked[r] - ACCEPTED] == VOID && !INSTEAD(r))
#define INSTEAD(r)  ((r) < REQUESTS && ENDED(PAYEE(r)) && decision[r] >= ACCEPTED) /* its end accepted another Payment, of the same amount */
#define PASSED(k)   (verdict[k] == SETTLED || verdict[k] == UNCOVERED)
#define ASKED_FOR(k) (!PASSED(k) || asked[REQUEST(k)] == ACCEPTED + k || !HONEST(PAYEE(REQUEST(k))))

/* 8.5: at most one settled payment for a request. */
#define BOTH(j, k) (REQUEST(j) == REQUEST(k) && PASSED(j) && PASSED(k))

/* 8.7: limits, with what is reserved; no wallet is below zero. */
#define LIMITED(d) (balance[d] >= 0 && shadow[d] >= 0 && online[d] >= 0 && balance[d] + ROOM(d) <= CEILING(d) && RECORDS(d) + SLOTS(d) <= LOGROOM)

/* 8.9: a credit only after a debit. */
#define DEBITED(r) (asked[r] < ACCEPTED || PAID(asked[r] - ACCEPTED))

proctype Invariants() provided (!done) {
	end: do
	:: d_step { !CONSERVED -> MUST(false, "broken 8.1: e-krona issued or destroyed\n") }
	:: d_step { HONEST(0) && !EXPLAINED(0) || HONEST(1) && !EXPLAINED(1) || HONEST(2) && !EXPLAINED(2) ->
		MUST(false, "broken 8.2: a balance that is not explained\n") }
	:: d_step { !COVERED -> MUST(false, "broken 8.3: more to spend than stands behind it\n") }
	:: d_step { RETURNED(0) || RETURNED(1) || RETURNED(2) -> MUST(false, "broken 8.4: money that is with the payee and came back\n") }
	:: d_step { !(ASKED_FOR(0) && ASKED_FOR(1) && ASKED_FOR(2)) -> MUST(false, "broken 8.4: money taken that the payee did not accept\n") }
	:: d_step { BOTH(0, 1) || BOTH(0, 2) || BOTH(1, 2) -> MUST(false, "broken 8.5: two settled payments for a request\n") }
	:: d_step { !(LIMITED(0) && LIMITED(1) && LIMITED(2)) -> MUST(false, "broken 8.7: a limit broken, or a wallet below zero\n") }
	:: d_step { !(DEBITED(0) && DEBITED(1) && DEBITED(2)) -> MUST(false, "broken 8.9: a credit without a debit\n") }
	:: d_step { blocked -> MUST(false, "broken 8.10: an honest card blocked\n") }
	od
}
