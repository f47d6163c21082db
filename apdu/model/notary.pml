/* The settlement: what the notary does with the signed messages that reach it. Every inline is called inside a d_step: a notary's
 * transaction is whole or did not happen. */

/* free leaves in `spare` what the shadow wallet of d has for a payment on which nothing is set aside yet. */
inline free(d) {
	spare = shadow[d];
#ifndef CREDIT_COVERS
	if
	:: issued[d] > confirmed[d] && !reissued[d] && !ENDED(d) -> spare = spare - credit[d]
	:: else
	fi;
#endif
	for (x : 0 .. PAYMENTS - 1) {
		if
		:: PAYER(x) == d && verdict[x] == RESERVED -> spare = spare - AMOUNT(REQUEST(x))
		:: else
		fi
	}
}

/* decide takes a decision of a payee's device on request r: the first is final, a contrary one moves nothing. */
inline decide(r, w) {
	if
	:: decision[r] == NONE -> decision[r] = w
	:: decision[r] != NONE && decision[r] != w ->
		MET(0, "met a contrary decision that moved nothing\n");
#ifdef LAST_WORD
		decision[r] = w;
		for (x : 0 .. PAYMENTS - 1) {
			if
			:: REQUEST(x) == r && FINAL(x) -> verdict[x] = WAITING
			:: else
			fi
		}
#endif
		skip
	:: else
	fi
}

/* speakForEnded: a Payment to an ended device and not refused is the device's. */
inline speakForEnded(k) {
	if
	:: decision[REQUEST(k)] == NONE && ENDED(PAYEE(REQUEST(k))) ->
#ifdef ENDED_VOIDS
		decision[REQUEST(k)] = REFUSED
#else
		decision[REQUEST(k)] = ACCEPTED + k;
		MET(1, "met an end that decided for an undecided payee\n")
#endif
	:: else
	fi
}

/* learn takes Payment k, from whomever it comes: without the payee's decision it is set aside, if it is covered. */
inline learn(k) {
	if
	:: verdict[k] == UNSEEN ->
		verdict[k] = WAITING;
		if
		:: ENDED(PAYER(k)) -> late = late + AMOUNT(REQUEST(k))
		:: else
		fi;
#ifndef ENDED_KNOWN_ONLY
		speakForEnded(k);
#endif
#ifdef PAYER_DECIDES
		decide(REQUEST(k), ACCEPTED + k);
#endif
		free(PAYER(k));
		if
		:: decision[REQUEST(k)] == NONE && spare >= AMOUNT(REQUEST(k)) ->
			verdict[k] = RESERVED;
			MET(2, "met a payment set aside\n")
		:: else
		fi
	:: else
	fi
}

/* setAside reserves what a payment on which the payee has not decided had to wait for. */
inline setAside(k) {
	free(PAYER(k));
	if
	:: spare >= AMOUNT(REQUEST(k)) -> verdict[k] = RESERVED
	:: else
	fi
}

/* sweep gives away what an ended device's shadow wallet has and no known claim needs: first to the holding that paid for it. */
inline sweep(d) {
	spare = shadow[d];
	for (x : 0 .. PAYMENTS - 1) {
		if
		:: PAYER(x) == d && KEPT(x) -> spare = spare - AMOUNT(REQUEST(x))
		:: else
		fi
	}
	if
	:: spare > 0 ->
		shadow[d] = shadow[d] - spare;
#ifndef NO_REPAY
		if
		:: debt[d] > 0 -> MET(3, "met a holding repaid\n")
		:: else
		fi;
		if
		:: spare > debt[d] -> holding = holding + debt[d]; spare = spare - debt[d]; debt[d] = 0
		:: else -> holding = holding + spare; debt[d] = debt[d] - spare; spare = 0
		fi;
#endif
		online[d] = online[d] + spare
	:: else
	fi
}

/* carry moves the money of payment k as the payee's decision says, once, and makes its verdict final. What an ended payer's shadow
 * wallet lacks its intermediary's holding pays. */
inline carry(k) {
	if
	:: decision[REQUEST(k)] == ACCEPTED + k ->
		verdict[k] = SETTLED;
		shadow[PAYEE(REQUEST(k))] = shadow[PAYEE(REQUEST(k))] + AMOUNT(REQUEST(k));
		shadow[PAYER(k)] = shadow[PAYER(k)] - AMOUNT(REQUEST(k));
		if
		:: shadow[PAYER(k)] < 0 && HELPED(k) ->
			verdict[k] = UNCOVERED;
			holding = holding + shadow[PAYER(k)];
			debt[PAYER(k)] = debt[PAYER(k)] - shadow[PAYER(k)];
			shadow[PAYER(k)] = 0;
			MET(4, "met a claim that a holding paid\n")
		:: else
		fi;
		if
		:: ENDED(PAYEE(REQUEST(k))) -> sweep(PAYEE(REQUEST(k)))
		:: else
		fi
	:: else ->
		verdict[k] = VOID;
		MET(5, "met a payment that came back\n");
		if
		:: ENDED(PAYER(k)) -> sweep(PAYER(k))
#ifdef UNDO
		:: decision[REQUEST(k)] == REFUSED /* the card undoes it */
#endif
		:: else ->
			shadow[PAYER(k)] = shadow[PAYER(k)] - AMOUNT(REQUEST(k));
			online[PAYER(k)] = online[PAYER(k)] + AMOUNT(REQUEST(k))
		fi
	fi
}

/* try settles claim k alone, if its payer's shadow wallet covers it. */
inline try(k) {
	free(PAYER(k));
	if
	:: verdict[k] == RESERVED || spare >= AMOUNT(REQUEST(k)) || HELPED(k) -> carry(k)
	:: else ->
		MET(6, "met a claim that waits\n");
#ifdef WAITING_BLOCKS
		blocked = true;
#endif
		skip
	fi
}

/* balanceOf leaves in `spare` what the shadow wallet of d would have if the claims of `set` were carried out at once; what a
 * holding would pay counts as there. */
inline balanceOf(d) {
	free(d);
	for (x : 0 .. PAYMENTS - 1) {
		if
		:: IN(set, x) && PAYER(x) == d && verdict[x] != RESERVED && !HELPED(x) -> spare = spare - AMOUNT(REQUEST(x))
		:: IN(set, x) && PAYEE(REQUEST(x)) == d && decision[REQUEST(x)] == ACCEPTED + x -> spare = spare + AMOUNT(REQUEST(x))
		:: else
		fi
	}
}

/* net settles together any set of claims that leaves every shadow wallet non-negative, until there is none. */
inline net() {
	set = (1 << PAYMENTS) - 1;
	do
	:: set == 0 -> break
	:: else ->
		fits = SINGLE(set);
		for (x : 0 .. PAYMENTS - 1) {
			fits = fits && (!IN(set, x) || CLAIM(x))
		}
		for (y : 0 .. DEVICES - 1) {
			if
			:: fits -> balanceOf(y); fits = (spare >= 0)
			:: else
			fi
		}
		if
		:: fits ->
			if
			:: (set & (set - 1)) != 0 -> MET(7, "met claims settled together\n")
			:: else
			fi;
			for (y : 0 .. PAYMENTS - 1) {
				if
				:: IN(set, y) -> carry(y)
				:: else
				fi
			}
			set = (1 << PAYMENTS) - 1
		:: else -> set--
		fi
	od;
	set = 0
}

/* endDevice takes device d for lost: its silence is an acceptance, and its claims are paid. */
inline endDevice(d) {
	over = true;
	for (y : 0 .. PAYMENTS - 1) {
		if
		:: verdict[y] != UNSEEN && PAYEE(REQUEST(y)) == d -> speakForEnded(y)
		:: else
		fi
	}
	for (y : 0 .. PAYMENTS - 1) {
		if
		:: PAYER(y) == d && CLAIM(y) -> carry(y)
		:: else
		fi
	}
	sweep(d)
}

/* confirm learns that Instruction issued[d] was applied; an untaken credit goes back online. */
inline confirm(d, taken) {
	if
	:: issued[d] > confirmed[d] ->
		confirmed[d] = issued[d];
#ifndef KEEP_UNTAKEN
		if
		:: !taken && !reissued[d] ->
			shadow[d] = shadow[d] - credit[d];
			online[d] = online[d] + credit[d];
			if
			:: credit[d] > 0 -> MET(8, "met an untaken credit\n")
			:: else
			fi;
			credit[d] = 0
		:: else
		fi;
#endif
		skip
	:: else
	fi
}

/* explained asserts the equation of section 8.2 for the State of d that has just been taken. */
inline explained(d) {
	spare = shadow[d] - debt[d];
	for (x : 0 .. REQUESTS - 1) {
		if
		:: PAYEE(x) == d && decision[x] >= ACCEPTED && decided[x] <= seenAtc[d] && !FINAL(decision[x] - ACCEPTED) -> spare = spare + AMOUNT(x)
		:: PAYEE(x) == d && decision[x] >= ACCEPTED && decided[x] > seenAtc[d] && FINAL(decision[x] - ACCEPTED) -> spare = spare - AMOUNT(x)
		:: else
		fi
	}
	for (x : 0 .. PAYMENTS - 1) {
		if
		:: PAYER(x) == d && PAID(x) && paid[x] <= seenAtc[d] && !GONE(x) && !(UNDONE(x) && undone[x] <= seenAtc[d]) -> spare = spare - AMOUNT(REQUEST(x))
		:: PAYER(x) == d && PAID(x) && paid[x] > seenAtc[d] && GONE(x) -> spare = spare + AMOUNT(REQUEST(x))
		:: else
		fi
	}
	if
	:: !reissued[d] && (issued[d] > seenSeq[d] || !seenTook[d]) -> spare = spare - credit[d]
	:: else
	fi;
	MUST(spare == seenBalance[d], "broken 8.2: a State that the records do not explain\n")
}

/* take stores the records that come with the State of d, hears what they say, and checks the balance. */
inline take(d) {
#ifdef UNDO
	for (y : 0 .. PAYMENTS - 1) {
		if
		:: PAYER(y) == d && UNDONE(y) && HANDED(d, undone[y]) -> decide(REQUEST(y), REFUSED) /* the record has the Refusal */
		:: else
		fi
	}
#endif
	for (y : 0 .. PAYMENTS - 1) {
		if
		:: PAYER(y) == d && HANDED(d, paid[y]) -> learn(y)
		:: else
		fi
	}
	for (y : 0 .. REQUESTS - 1) {
		if
		:: PAYEE(y) == d && HANDED(d, decided[y]) ->
			decide(y, asked[y]);
			if
			:: asked[y] >= ACCEPTED -> learn(asked[y] - ACCEPTED)
			:: else
			fi
		:: else
		fi
	}
	held[d] = (seenAtc[d] > held[d] -> seenAtc[d] : held[d]);
	if
	:: seenSeq[d] == issued[d] -> confirm(d, seenTook[d])
	:: else
	fi;
	if
	:: seenAtc[d] < atc[d] -> MET(9, "met a late State\n")
	:: else
	fi;
	explained(d)
}

/* instruct issues the next Instruction of d: acknowledge what is held, and a credit. */
inline instruct(d, c) {
	upto[d] = held[d];
#ifdef ACK_FINAL
	for (x : 0 .. PAYMENTS - 1) {
		if
		:: !FINAL(x) && PAYER(x) == d && PAID(x) && paid[x] <= upto[d] -> upto[d] = paid[x] - 1
		:: else
		fi
	}
#endif
	issued[d]++;
	credit[d] = c;
	shadow[d] = shadow[d] + c;
	online[d] = online[d] - c
}
