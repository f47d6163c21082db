/* What follows when faults stop (protocol section 8.10). */
#ifndef ROUNDS
#define ROUNDS 2
#endif

/* synchronise is one complete synchronisation of a card, without faults. */
inline synchronise(d) {
	if
	:: applied[d] < issued[d] -> apply(d, credit[d])
	:: else
	fi;
	for (y : 0 .. PAYMENTS - 1) {
		if
		:: PAYEE(REQUEST(y)) == d && verdict[y] != UNSEEN && verdict[y] != VOID && asked[REQUEST(y)] == OPEN -> accept(y)
		:: else
		fi
	}
#ifdef UNDO
	for (y : 0 .. PAYMENTS - 1) {
		if
		:: PAYER(y) == d && PAID(y) && !UNDONE(y) && decision[REQUEST(y)] == REFUSED && atc[d] - acked[d] < LOGROOM -> undo(y)
		:: else
		fi
	}
#endif
	state(d); take(d); forget(d);
	net();
	if
	:: held[d] > upto[d] -> instruct(d, 0); apply(d, 0); confirm(d, true)
	:: else
	fi;
	MUST(acked[d] == atc[d] && confirmed[d] == applied[d], "broken 8.10: a card that synchronised without getting its log back\n")
}

/* agreed is what must hold at the end. */
inline agreed() {
	for (y : 0 .. DEVICES - 1) {
		MUST(!HONEST(y) || balance[y] == shadow[y], "broken 8.10: a card and its shadow wallet that do not agree\n")
	}
	for (y : 0 .. PAYMENTS - 1) {
		MUST(!PAID(y) || !HONEST(PAYER(y)) || FINAL(y), "broken 8.4: a debit on which there is no verdict\n");
		MUST(asked[REQUEST(y)] != ACCEPTED + y || !HONEST(PAYEE(REQUEST(y))) || PASSED(y), "broken 8.4: a payee that is not paid\n")
	}
	MUST(HOLDING - holding <= late, "broken 8.4: a holding that paid for claims known in time\n")
}

/* wipe makes all ends one state. */
inline wipe() {
	for (x : 0 .. DEVICES - 1) {
		balance[x] = 0; atc[x] = 0; acked[x] = 0; applied[x] = 0; took[x] = false;
		shadow[x] = 0; online[x] = 0; debt[x] = 0; held[x] = 0; issued[x] = 0; confirmed[x] = 0; credit[x] = 0; upto[x] = 0;
		reissued[x] = false;
		forget(x)
	}
	for (x : 0 .. 2) {
		asked[x] = 0; decided[x] = 0; paid[x] = 0; undone[x] = 0; decision[x] = 0; verdict[x] = 0
	}
	holding = 0; late = 0; total = 0; over = false; blocked = false;
	done = true
}

/* Faults stop at any moment: two rounds of synchronisation, forwards or backwards, with the device that can be lost or without. */
proctype Faultless(bool backwards, without) provided (!done) {
	end: d_step {
		!done && (without || !over) ->
		TELL("faults stop\n");
		if
		:: without && !over -> endDevice(LOST)
		:: else
		fi;
		for (round : 1 .. ROUNDS) {
			for (turn : 0 .. DEVICES - 1) {
				card = (backwards -> DEVICES - 1 - turn : turn);
				if
				:: HONEST(card) -> synchronise(card)
				:: else
				fi
			}
		}
		agreed();
		wipe()
	}
}
