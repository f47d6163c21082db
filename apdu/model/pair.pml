/* PAIR, and a lost phone: a payee's card, its owner's phone, which is lost, and the next one; a Request that was open when the phone was
 * lost and may have been paid; and who hears and repeats everything and finds the phone. README.md says what is promised.
 *
 * A pair key is numbered: 1 is the lost phone's, 2 and 3 are made by the next one. A PAIR is made with the PIN for one key and one
 * session; a REFUSE under a pair key for one session; each can be shown from then on at any time. */
#include "telling.pml"

#ifndef SESSIONS
#define SESSIONS 4
#endif
#define KEYS     3

#define NONE     0
#define OPEN     1
#define REFUSED  2
#define ACCEPTED 3

/* The card: session, key of the pair, the Request. */
byte session, pair, request;
bool used;

/* What exists: PAIR with key k, REFUSE under key k; a bit for each session. */
byte pairs[4], refusals[4];

/* The phones: the key that each holds; the first is lost; the Payment is known to the first phone alone, or to the notary too. */
byte first, second;
bool lost, replaced, paid, handed;

#define BIT(s)   (1 << (s))
#define IN(m, s) (((m) & BIT(s)) != 0)
/* A PAIR is good for the session whose nonce it names, once; another command for the session whose nonces made its key. */
#ifdef PAIR_ANY_SESSION
#define FRESH_PAIR(s) true
#else
#define FRESH_PAIR(s) ((s) == session && !used)
#endif
#ifdef COMMAND_ANY_SESSION
#define FRESH(s) true
#else
#define FRESH(s) ((s) == session)
#endif

/* The key with which the next phone makes its next PAIR. */
#ifdef NEW_POINT
#define NEXT (second == 0 -> 2 : 3)
#else
#define NEXT 2
#endif

proctype Card() {
	byte k, s;
	end: do
	:: d_step { session < SESSIONS -> session++; used = false; TELL("the card is selected: session %d\n", session) }
	:: atomic {
		if :: k = 1 :: k = 2 :: k = 3 fi;
		if :: s = 1 :: s = 2 :: s = 3 :: s = 4 fi;
		if
		:: d_step { IN(pairs[k], s) && FRESH_PAIR(s) ->
			TELL("the card is paired with key %d\n", k);
			if
			:: pair == k -> MET(0, "met a PAIR given again\n")
			:: pair != 0 && pair != k -> MET(1, "met a pair replaced\n")
			:: else
			fi;
			pair = k; used = true; replaced = replaced || k > 1 }
		:: d_step { IN(refusals[k], s) && FRESH(s) && pair == k && request == OPEN ->
			TELL("the card refuses the Request\n");
			MUST(IN(refusals[k], session), "broken replay: a command of an earlier session is carried out\n");
			request = REFUSED }
		:: else
		fi;
		k = 0; s = 0 }
	/* The owner asks for money with the paired phone. */
	:: d_step { session > 0 && request == NONE && pair == 1 && first == 1 && !lost -> request = OPEN; TELL("the card asks\n") }
	/* Anybody can bring the Payment of an open Request. */
	:: d_step { session > 0 && request == OPEN && paid && (!lost || handed) -> request = ACCEPTED; TELL("the card accepts the Payment\n") }
	od
}

proctype World() {
	end: do
#ifdef ANSWER_FIRST
	:: d_step { session > 0 && !lost && !used && !IN(pairs[1], session) -> pairs[1] = pairs[1] | BIT(session);
		TELL("the first phone makes PAIR\n") }
	:: d_step { pair == 1 && first == 0 && !lost -> first = 1; TELL("the first phone has the answer\n") }
	:: d_step { session > 0 && lost && !used && !IN(pairs[2], session) -> pairs[2] = pairs[2] | BIT(session);
		TELL("the next phone makes PAIR\n") }
	:: d_step { pair == 2 && second == 0 -> second = 2; TELL("the next phone has the answer\n") }
#else
	:: d_step { session > 0 && !lost && !used && !IN(pairs[1], session) -> first = 1;
		pairs[1] = pairs[1] | BIT(session); TELL("the first phone makes PAIR\n") }
	:: d_step { session > 0 && lost && !used && !IN(pairs[NEXT], session) -> second = NEXT;
		pairs[second] = pairs[second] | BIT(session);
		TELL("the next phone makes PAIR with key %d\n", second) }
#endif
	:: d_step { first == 1 && !lost -> lost = true; TELL("the phone is lost\n");
		if :: request == OPEN && paid -> MET(2, "met a phone lost with a paid open Request\n") :: else fi }
	/* A REFUSE of the owner's, or of who has found the phone. */
	:: d_step { session > 0 && pair == 1 && first == 1 && request == OPEN && !IN(refusals[1], session) ->
		refusals[1] = refusals[1] | BIT(session); TELL("the first phone makes REFUSE\n");
		if :: lost -> MET(3, "met a REFUSE by who found the phone\n") :: else fi }
	:: d_step { request == OPEN && !paid -> paid = true; TELL("the Request is paid\n") }
	:: d_step { paid && !handed -> handed = true; TELL("the payer gives the Payment again, or synchronises\n") }
	od
}

/* What the owner can do at the end with the next phone and the PIN: pair, read the open Request, take its Payment from the notary or from
 * the payer. */
#ifdef PHONE_ALONE
#define READABLE false /* the phone must have stored the Request itself */
#else
#define READABLE true
#endif

proctype Promises() {
	end: do
	:: d_step { lost && replaced && pair == 1 -> MUST(false, "broken replaced: the lost phone is paired again\n") }
	:: d_step { pair == 1 && first != 1 || pair > 1 && second != pair ->
		MUST(false, "broken key: the card is paired with a key that no phone has\n") }
	:: d_step { lost && pair > 1 && second == pair && request == OPEN && paid && handed && !READABLE ->
		MUST(false, "broken stuck: the next phone cannot end what the lost one had open\n") }
	od
}

init { atomic { run Promises(); run Card(); run World() } }
