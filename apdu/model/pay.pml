/* PAY with the PIN within: two sales at two terminals, one card, and between them who hears, keeps back, repeats and alters
 * everything. README.md says what is promised.
 *
 * A session of the card begins when it is selected and has a nonce of its own. A PAY with PIN is made by the payee for one Request and
 * one nonce, and can be shown from then on at any time; so can every answer of the card, under the keys of that PAY. Each sale is of one
 * krona. */
#include "telling.pml"

#ifndef SESSIONS
#define SESSIONS 3
#endif

#define OPEN   0
#define SOLD   1
#define CLOSED 2

/* The card. */
byte session; /* 0: not selected yet */
bool used;    /* the nonce has served a PIN */
byte funds;
bool paid[2], kept[2]; /* Request r was paid; the record of it is kept */
byte last = 9;         /* the Request that the last record pays */

/* What exists: a PAY with PIN for Request r in session s, a refusal of it that bears a MAC; a bit for each session. */
byte made[2], refused[2];

/* The terminals: sales, and the session of the last PAY that each has made. */
byte sale[2], mine[2];

#define BIT(s)  (1 << (s))
#define IN(m, s) (((m) & BIT(s)) != 0)

#if defined(NO_NONCE)
#define FRESH(s) true
#elif defined(NONCE_STAYS)
#define FRESH(s) ((s) == session)
#else
#define FRESH(s) ((s) == session && !used)
#endif

/* A PAY shown for Request r carries what was made for Request m. */
#ifdef UNBOUND
#define BOUND(m, r) true
#else
#define BOUND(m, r) ((m) == (r))
#endif

#ifdef LAST_ALONE
#define ANSWERED(r) (kept[r] && last == (r))
#else
#define ANSWERED(r) kept[r] /* with PIN also an older record */
#endif

inline pay(m, r, s) {
	used = true;
	if
	:: ANSWERED(r) && last != r -> MET(0, "met an older record given again after the PIN\n")
	:: ANSWERED(r) && last == r -> MET(1, "met a torn PAY made good\n")
	:: !ANSWERED(r) && funds > 0 ->
		TELL("the card pays Request %d in session %d\n", r, session);
		MUST(IN(made[r], session), "broken consent: a debit for which no PIN was typed\n");
		MUST(!IN(refused[r], s), "broken refused: a refused PAY is carried out\n");
		MUST(sale[r] != CLOSED, "broken closed: a debit after the sale was closed\n");
		MUST(!kept[r], "broken once: a second debit while the record of the first is kept\n");
		funds--; paid[r] = true; kept[r] = true; last = r
	:: else -> TELL("the card refuses Request %d in session %d\n", r, session);
		refused[m] = refused[m] | BIT(s)
	fi
}

proctype Card() {
	byte r, s, m;
	end: do
	:: d_step { session < SESSIONS -> session++; used = false; TELL("the card is selected: session %d\n", session) }
	:: atomic {
		if :: m = 0 :: m = 1 fi;
		if :: r = 0 :: r = 1 fi;
		if :: s = 1 :: s = 2 :: s = 3 :: s = 4 fi;
		if
		:: d_step { IN(made[m], s) && BOUND(m, r) && FRESH(s) -> TELL("the PAY of session %d for Request %d is shown\n", s, m); pay(m, r, s) }
		:: else
		fi;
		r = 0; s = 0; m = 0 }
	:: d_step { session > 0 && funds == 0 && paid[0] + paid[1] < 2 -> funds++; TELL("a krona comes in\n") }
	:: d_step { kept[0] -> kept[0] = false; last = (last == 0 -> 9 : last); TELL("the record of Request 0 is acknowledged\n") }
	:: d_step { kept[1] -> kept[1] = false; last = (last == 1 -> 9 : last); TELL("the record of Request 1 is acknowledged\n") }
	od
}

/* Who shows an old Request without PIN, wherever the card is. */
proctype Stranger() {
	end: do
#ifdef ANY_RECORD
	:: d_step { session > 0 && kept[0] -> MUST(last == 0, "broken cookie: an old Request identifies the card\n") }
#else
	:: d_step { session > 0 && kept[0] && last == 0 -> MUST(last == 0, "broken cookie: an old Request identifies the card\n") }
#endif
	od
}

proctype Terminal(byte r) {
	end: do
	:: d_step { sale[r] == OPEN && session > 0 && !used && !IN(made[r], session) ->
		made[r] = made[r] | BIT(session); mine[r] = session;
		TELL("the owner types the PIN for Request %d in session %d\n", r, session) }
	:: d_step { sale[r] == OPEN && paid[r] -> sale[r] = SOLD; TELL("terminal %d has the Payment\n", r) }
#if defined(ANY_REFUSAL)
	:: d_step { sale[r] == OPEN && mine[r] != 0 ->
#elif defined(ANY_SESSION)
	:: d_step { sale[r] == OPEN && refused[r] != 0 ->
#else
	:: d_step { sale[r] == OPEN && IN(refused[r], mine[r]) && mine[r] != 0 ->
#endif
		sale[r] = CLOSED; TELL("terminal %d closes the sale\n", r);
		if :: paid[r] -> MET(2, "met a sale closed whose debit was acknowledged\n") :: else -> MET(3, "met a sale closed\n") fi;
		MUST(!kept[r], "broken forged: a sale is closed though the card has paid\n") }
	od
}

init { atomic { run Card(); run Stranger(); run Terminal(0); run Terminal(1) } }
