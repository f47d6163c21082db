/* The settlement on two databases. What a device did, and its shadow wallet, are in the database of that device: a Payment in its
 * payer's, the payee's decision in its payee's. What crosses is a row of an outbox, written in the transaction of its effect:
 *
 *   claim   payee's -> payer's   the payee's decision on a Payment
 *   ask     payer's -> payee's   a Payment on which the payer's database knows no decision
 *   credit  payer's -> payee's   the money, with the debit
 *
 * A row that was ever written can arrive at any time, in any order, any number of times, or never; its sender drops it when it is
 * known to have arrived. host/settlement/SPLIT.md says what this is for, README.md what it proves and what it leaves out. */
#define DEVICES 3
#include "telling.pml"

/* Requests and Payments, by the world. Device 1 is in the one database, 0 and 2 are in the other. */
#if defined(SPLIT_CHAIN)
/* 0 pays 1, who pays 2 with that and with what it had. */
#define PAYEE(r)   ((r) == 0 -> 1 : 2)
#define AMOUNT(r)  ((r) == 0 -> 1 : 2)
#define PAYER(k)   ((k) == 0 -> 0 : 1)
#define REQUEST(k) (k)
#define PAYMENTS   2
#define FUNDS(d)   ((d) < 2 -> 1 : 0)
#elif defined(SPLIT_RING)
/* 0 and 1 pay each other; 0 pays 2 with what came back. */
#define PAYEE(r)   ((r) == 0 -> 1 : ((r) == 1 -> 0 : 2))
#define AMOUNT(r)  1
#define PAYER(k)   ((k) == 1 -> 1 : 0)
#define REQUEST(k) (k)
#define PAYMENTS   3
#define FUNDS(d)   ((d) == 0 -> 1 : 0)
#else
/* 0 and 2 pay the same Request of 1; THIEF: whose key is stolen, and signs what it likes. */
#define PAYEE(r)   1
#define AMOUNT(r)  1
#define PAYER(k)   ((k) == 0 -> 0 : 2)
#define REQUEST(k) 0
#define PAYMENTS   2
#define FUNDS(d)   ((d) != 1 -> 1 : 0)
#endif
#ifdef THIEF
#define STOLEN(d) ((d) == 1)
#else
#define STOLEN(d) false
#endif
#ifdef NO_LOAN
#define CAP 0
#else
#define CAP 1
#endif

/* The cards. */
#define OPEN     0
#define REFUSED  1
#define ACCEPTED 2 /* plus the payment */
short balance[DEVICES];
bool paid[3];
byte asked[3];

/* The databases: verdict, word and lent are the payer's, decision, handed and credited the payee's. */
#define UNSEEN  0
#define WAITING 1
#define SETTLED 2
#define VOID    3
short shadow[DEVICES], online[DEVICES], lent[DEVICES];
byte verdict[3], word[3]; /* word: 0 not known, 1 accepted, 2 refused */
byte decision[3];         /* 0 not known, else REFUSED or ACCEPTED plus the payment */
bool handed[3], credited[3];
bool due[3];              /* stays false: the row is written with the debit */

/* Rows of the outboxes. */
#define NONE    0
#define WRITTEN 1
#define DROPPED 2
byte claim[3], ask[3], credit[3];

bool done;
SCRATCH byte x, y, round;
SCRATCH short lacks;

#define FINAL(k)   (verdict[k] >= SETTLED)
#define A(k)       AMOUNT(REQUEST(k))
#define TO(k)      PAYEE(REQUEST(k))
#define LENT       (lent[0] + lent[1] + lent[2])
#define NAMED(k)   (decision[REQUEST(k)] == ACCEPTED + (k))

inline writeClaim(k) {
	if
	:: claim[k] == NONE && decision[REQUEST(k)] != 0 && (handed[k] || NAMED(k)) -> claim[k] = WRITTEN
	:: else
	fi
}

/* decide takes the payee's decision in its own database: the first is final. */
inline decide(r, w) {
	if
	:: decision[r] == 0 ->
		decision[r] = w;
		for (x : 0 .. PAYMENTS - 1) {
			if
			:: REQUEST(x) == r -> writeClaim(x)
			:: else
			fi
		}
#ifdef CREDIT_FIRST
		if
		:: w >= ACCEPTED -> credited[w - ACCEPTED] = true; shadow[PAYEE(r)] = shadow[PAYEE(r)] + AMOUNT(r)
		:: else
		fi
#endif
	:: else -> MET(0, "met a contrary decision that moved nothing\n")
	fi
}

/* learn takes a Payment in its payer's database; where no decision is known there, it is handed over to the payee's. */
inline learn(k) {
	if
	:: verdict[k] == UNSEEN -> verdict[k] = WAITING
	:: else
	fi;
#ifndef NO_ASK
	if
	:: word[k] == 0 && ask[k] == NONE -> ask[k] = WRITTEN
	:: else
	fi
#endif
}

inline takeClaim(k) {
	if
	:: word[k] == 0 -> word[k] = (NAMED(k) -> 1 : 2)
	:: else -> MET(1, "met a claim that came again\n")
	fi;
	if
	:: verdict[k] == UNSEEN -> verdict[k] = WAITING; MET(2, "met a claim before its payer\n")
	:: else
	fi
}

inline takeAsk(k) {
	handed[k] = true;
	writeClaim(k)
}

/* settle carries the decision out in the payer's database, once its wallet covers it. The row of the credit is written with it. */
inline settle(k) {
	shadow[PAYER(k)] = shadow[PAYER(k)] - A(k);
	if
	:: word[k] == 1 ->
		verdict[k] = SETTLED;
#ifdef ROW_LATER
		due[k] = true
#elif defined(CREDIT_FIRST)
		skip
#else
		credit[k] = WRITTEN
#endif
	:: else -> verdict[k] = VOID; online[PAYER(k)] = online[PAYER(k)] + A(k); MET(3, "met a payment that came back\n")
	fi
}

#define SETTLEABLE(k) (verdict[k] == WAITING && word[k] != 0 && shadow[PAYER(k)] >= A(k))

/* lend: what nets across the two moves by a loan of the pool's share in the payer's database, up to its cap. */
#define LENDABLE(k) (verdict[k] == WAITING && word[k] == 1 && shadow[PAYER(k)] < A(k) && LENT + A(k) - shadow[PAYER(k)] <= CAP)
inline lend(k) {
	lacks = A(k) - shadow[PAYER(k)];
	lent[PAYER(k)] = lent[PAYER(k)] + lacks;
	shadow[PAYER(k)] = shadow[PAYER(k)] + lacks;
	lacks = 0;
	MET(4, "met a loan\n");
	settle(k)
}

inline takeCredit(k) {
	if
#ifdef NO_KEY
	:: true ->
#else
	:: !credited[k] ->
#endif
		credited[k] = true;
		shadow[TO(k)] = shadow[TO(k)] + A(k);
#ifndef LOAN_KEPT
		lacks = (lent[TO(k)] < shadow[TO(k)] -> lent[TO(k)] : shadow[TO(k)]);
		lent[TO(k)] = lent[TO(k)] - lacks;
		shadow[TO(k)] = shadow[TO(k)] - lacks;
		if
		:: lacks > 0 -> MET(5, "met a loan repaid\n")
		:: else
		fi;
		lacks = 0
#endif
#ifndef NO_KEY
	:: else -> MET(6, "met a credit that came again\n")
#endif
	fi
}

proctype Payment(byte k) provided (!done) {
	end: do
	:: d_step { !paid[k] && balance[PAYER(k)] >= A(k) ->
		paid[k] = true; balance[PAYER(k)] = balance[PAYER(k)] - A(k);
		TELL("card %d pays request %d\n", PAYER(k), REQUEST(k)) }
	:: d_step { paid[k] && asked[REQUEST(k)] == OPEN && !STOLEN(TO(k)) ->
		asked[REQUEST(k)] = ACCEPTED + k; balance[TO(k)] = balance[TO(k)] + A(k);
		TELL("card %d accepts the payment of card %d\n", TO(k), PAYER(k)) }
	/* What a gate receives goes to the database of its key. */
	:: d_step { paid[k] && verdict[k] == UNSEEN -> TELL("Payment %d reaches its payer's database\n", k); learn(k) }
	:: d_step { asked[REQUEST(k)] == ACCEPTED + k && decision[REQUEST(k)] == 0 ||
		paid[k] && STOLEN(TO(k)) && decision[REQUEST(k)] != ACCEPTED + k ->
		TELL("the Receipt for payment %d reaches its payee's database\n", k); decide(REQUEST(k), ACCEPTED + k) }
#ifdef WORD_BY_PAYER
	:: d_step { (asked[REQUEST(k)] == ACCEPTED + k || paid[k] && STOLEN(TO(k))) && verdict[k] == WAITING && word[k] == 0 ->
		TELL("the Receipt for payment %d reaches its payer's database, which takes it\n", k); word[k] = 1 }
#endif
	/* Rows arrive, again too. */
	:: d_step { claim[k] != NONE && !(claim[k] == DROPPED && word[k] != 0 && verdict[k] != UNSEEN) ->
		TELL("the claim of payment %d arrives\n", k); takeClaim(k) }
	:: d_step { ask[k] != NONE && !handed[k] -> TELL("payment %d is handed over\n", k); takeAsk(k) }
	:: d_step { credit[k] != NONE -> TELL("the credit of payment %d arrives\n", k); takeCredit(k) }
	/* A sender that knows that its row has arrived drops it. */
#ifdef SENT_IS_DONE
#define ARRIVED(what) true
#else
#define ARRIVED(what) (what)
#endif
	:: d_step { claim[k] == WRITTEN && ARRIVED(word[k] != 0) -> claim[k] = DROPPED; TELL("claim %d is dropped\n", k) }
	:: d_step { ask[k] == WRITTEN && ARRIVED(handed[k]) -> ask[k] = DROPPED; TELL("ask %d is dropped\n", k) }
	:: d_step { credit[k] == WRITTEN && ARRIVED(credited[k]) -> credit[k] = DROPPED; TELL("credit %d is dropped\n", k) }
	:: d_step { SETTLEABLE(k) -> TELL("payment %d is settled\n", k); settle(k) }
	:: d_step { LENDABLE(k) -> TELL("the pool lends for payment %d\n", k); lend(k) }
#ifdef ROW_LATER
	:: d_step { due[k] -> due[k] = false; credit[k] = WRITTEN; TELL("the credit's row is written\n") }
	:: d_step { due[k] -> due[k] = false; TELL("the database is killed before the credit's row\n") }
#endif
	od
}

proctype Refusal(byte r) provided (!done) {
	end: do
	:: d_step { asked[r] == OPEN && !STOLEN(PAYEE(r)) -> asked[r] = REFUSED; TELL("card %d refuses request %d\n", PAYEE(r), r) }
	:: d_step { asked[r] == REFUSED && decision[r] == 0 || STOLEN(PAYEE(r)) && decision[r] != REFUSED ->
		TELL("the Refusal of request %d reaches its payee's database\n", r); decide(r, REFUSED) }
	od
}

/* 8.1: issued = online + shadow + pool + in transit: debited, and not credited. */
#ifdef NO_TRANSIT
#define TRANSIT(k) 0
#else
#define TRANSIT(k) ((k) < PAYMENTS && credit[k] != NONE && !credited[k] -> A(k) : 0)
#endif
#define ISSUED (FUNDS(0) + FUNDS(1) + FUNDS(2))
#define HELD   (online[0] + online[1] + online[2] + shadow[0] + shadow[1] + shadow[2] - LENT)

/* 8.2: a device's equation, by what its own database knows. */
#ifdef OTHERS_VERDICT
#define IN(k) (!FINAL(k)) /* the payer's database says that it is settled */
#else
#define IN(k) (!credited[k])
#endif
#define GOT(d, k)  ((k) < PAYMENTS && TO(k) == (d) && asked[REQUEST(k)] == ACCEPTED + (k) && IN(k) -> A(k) : 0)
#define GAVE(d, k) ((k) < PAYMENTS && PAYER(k) == (d) && paid[k] && !FINAL(k) -> A(k) : 0)
#define EXPLAINED(d) (STOLEN(d) || balance[d] == shadow[d] - lent[d] + GOT(d, 0) + GOT(d, 1) + GOT(d, 2) - \
	GAVE(d, 0) - GAVE(d, 1) - GAVE(d, 2))

#define BOTH(j, k) ((j) < PAYMENTS && (k) < PAYMENTS && REQUEST(j) == REQUEST(k) && verdict[j] == SETTLED && verdict[k] == SETTLED)
#define LOST(k)    ((k) < PAYMENTS && !STOLEN(TO(k)) && asked[REQUEST(k)] == ACCEPTED + (k) && verdict[k] == VOID)

proctype Promises() provided (!done) {
	end: do
	:: d_step { HELD + TRANSIT(0) + TRANSIT(1) + TRANSIT(2) != ISSUED ->
		MUST(false, "broken 8.1: e-krona made or lost between two databases\n") }
	:: d_step { !(EXPLAINED(0) && EXPLAINED(1) && EXPLAINED(2)) ->
		MUST(false, "broken 8.2: a balance that its device's database does not explain\n") }
	:: d_step { LOST(0) || LOST(1) || LOST(2) -> MUST(false, "broken 8.4: money that is with the payee and came back\n") }
	:: d_step { BOTH(0, 1) || BOTH(0, 2) || BOTH(1, 2) -> MUST(false, "broken 8.5: two settled payments for a request\n") }
	:: d_step { shadow[0] < 0 || shadow[1] < 0 || shadow[2] < 0 -> MUST(false, "broken 8.7: a wallet below zero\n") }
	:: d_step { LENT > CAP -> MUST(false, "broken 8.13: more is lent than the cap\n") }
	od
}

/* Faults stop: every row that is still written arrives, every device synchronises, what can be settled is. */
proctype Faultless() provided (!done) {
	end: d_step {
		!done -> TELL("faults stop\n");
		for (round : 1 .. 6) {
			for (y : 0 .. PAYMENTS - 1) {
				if :: paid[y] -> learn(y) :: else fi;
				if :: ask[y] == WRITTEN && !handed[y] -> takeAsk(y) :: else fi;
				if
				:: handed[y] && asked[REQUEST(y)] == OPEN ->
					asked[REQUEST(y)] = ACCEPTED + y; balance[TO(y)] = balance[TO(y)] + A(y)
				:: else
				fi;
				if :: asked[REQUEST(y)] != OPEN && decision[REQUEST(y)] == 0 -> decide(REQUEST(y), asked[REQUEST(y)]) :: else fi;
				if :: claim[y] == WRITTEN -> takeClaim(y) :: else fi;
				if :: SETTLEABLE(y) -> settle(y) :: else fi;
				if :: credit[y] == WRITTEN && !credited[y] -> takeCredit(y) :: else fi
			}
			for (y : 0 .. PAYMENTS - 1) {
				if :: round > 2 && LENDABLE(y) -> lend(y) :: else fi;
				if :: credit[y] == WRITTEN && !credited[y] -> takeCredit(y) :: else fi
			}
		}
		for (y : 0 .. PAYMENTS - 1) {
			MUST(!paid[y] || FINAL(y), "broken 8.4: a debit on which there is no verdict\n");
			MUST(verdict[y] != SETTLED || credited[y], "broken 8.4: a payee that is not paid\n")
		}
		MUST(LENT == 0, "broken 8.13: a loan that is not repaid\n");
		for (y : 0 .. DEVICES - 1) {
			MUST(balance[y] == shadow[y], "broken 8.10: a card and its shadow wallet that do not agree\n")
		}
		for (y : 0 .. DEVICES - 1) {
			balance[y] = 0; shadow[y] = 0; online[y] = 0; lent[y] = 0
		}
		for (y : 0 .. 2) {
			paid[y] = false; asked[y] = 0; verdict[y] = 0; word[y] = 0; decision[y] = 0; handed[y] = false; credited[y] = false;
			due[y] = false; claim[y] = 0; ask[y] = 0; credit[y] = 0
		}
		done = true
	}
}

init {
	d_step {
		for (x : 0 .. DEVICES - 1) {
			balance[x] = FUNDS(x); shadow[x] = FUNDS(x)
		}
	}
	atomic {
		run Promises();
		run Payment(0); run Payment(1); run Refusal(0);
#if defined(SPLIT_CHAIN) || defined(SPLIT_RING)
		run Refusal(1);
#endif
#ifdef SPLIT_RING
		run Payment(2); run Refusal(2);
#endif
#ifndef THIEF
		run Faultless()
#endif
	}
}
