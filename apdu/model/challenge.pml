/* Fresh words: Challenge, State and Instruction of one card, the notary that opens Challenges, a phone that is not to be trusted with
 * the order in which it does things, and who hears everything and shows it to cards. README.md says what is promised.
 *
 * Sessions of the card are numbered. A Challenge names a session; the State that answers it can be given to the notary at any later
 * time. */
#include "telling.pml"

#ifndef SESSIONS
#define SESSIONS 3
#endif
#define PAID     2

byte session;
bool answered; /* GET STATE was answered in this session */
byte atc;      /* records of the card */
byte known;    /* those that the notary knows */

/* A Challenge for session s: drawn, and opened at the notary; what the notary knew then; the State that answers it, plus one. */
bool drawn[4], opened[4];
byte level[4], state[4];
bool heard[4]; /* a stranger has it */
bool instructed; /* an Instruction has been applied, and heard */

#define MADE(s) (drawn[s] && !opened[s])

/* What the card does before it looks at keys, signature and addressee: a misfit has the answer that every card gives. */
#ifdef NO_NONCE
#define PASSES_NONCE(s) true
#else
#define PASSES_NONCE(s) ((s) == session)
#endif
#ifdef ANY_TIME
#define PASSES_ORDER true
#else
#define PASSES_ORDER answered
#endif

proctype Notary() {
	byte s;
	end: do
	:: d_step { known < atc -> known = atc; TELL("a Payment reaches the notary\n") }
#ifdef EARLY
	/* The phone or the intermediary draws the random number, and opens the Challenge later. */
	:: d_step { session > 0 && !drawn[session] -> drawn[session] = true; TELL("a Challenge for session %d is drawn\n", session) }
	:: d_step { MADE(1) -> opened[1] = true; level[1] = known; TELL("the notary opens the Challenge of session 1\n") }
	:: d_step { MADE(2) -> opened[2] = true; level[2] = known; TELL("the notary opens the Challenge of session 2\n") }
#else
	:: d_step { session > 0 && !drawn[session] -> drawn[session] = true; opened[session] = true; level[session] = known;
		TELL("the notary opens a Challenge for session %d, and draws its random number\n", session) }
#endif
	/* A State of an open Challenge, in time or late. */
	:: atomic {
		if :: s = 1 :: s = 2 :: s = 3 fi;
		if
		:: d_step { opened[s] && state[s] != 0 ->
			if :: state[s] - 1 < atc -> MET(0, "met a late State\n") :: else fi;
			MUST(state[s] - 1 >= level[s], "broken clone: an honest card is taken for a clone\n");
			opened[s] = false; level[s] = 0; state[s] = 0 }
		:: else
		fi;
		s = 0 }
	od
}

proctype Card() {
	end: do
	:: d_step { session < SESSIONS -> session++; answered = false; TELL("the card is selected: session %d\n", session) }
	:: d_step { atc < PAID -> atc++; TELL("the card pays\n") }
	:: d_step { session > 0 && drawn[session] && PASSES_NONCE(session) && state[session] == 0 && !heard[session] ->
		state[session] = atc + 1; answered = true; heard[session] = true; TELL("the card answers the Challenge of session %d\n", session) }
	:: d_step { PASSES_ORDER && answered && !instructed ->
		instructed = true; TELL("the card applies an Instruction\n"); MET(1, "met an Instruction\n") }
	od
}

/* A stranger shows what it has heard to any card that it meets, and looks whether the answer is another than that of all other cards. */
proctype Stranger() {
	byte s;
	end: do
	:: atomic {
		if :: s = 1 :: s = 2 fi;
		if
		:: d_step { heard[s] && session > s ->
			MET(2, "met a Challenge shown again\n");
			MUST(!PASSES_NONCE(s), "broken mark: a heard Challenge identifies its card\n") }
		:: else
		fi;
		s = 0 }
	/* The intermediary's Challenges are not the stranger's to have: a session in which one was answered is the owner's. */
	:: d_step { instructed && !answered ->
		MET(3, "met an Instruction shown again\n");
		MUST(!PASSES_ORDER, "broken mark: a heard Instruction identifies its card\n") }
	od
}

init { atomic { run Notary(); run Card(); run Stranger() } }
