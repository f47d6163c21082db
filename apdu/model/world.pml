/* The sandboxes that the model explores: one of them for each run, chosen by a switch. Devices are numbered from 0, requests and
 * payments too; a payment is a card's one chance to pay one Request, so who can pay what is written here, and the order of
 * everything is not. Amounts are whole e-krona.
 *
 *   PAYEE(r) AMOUNT(r)   who asks in request r, for how much
 *   PAYER(k) REQUEST(k)  who pays in payment k, and which request
 *   FUNDS(d) ONLINE(d)   what is on card d (and in its shadow wallet), what its owner has online, at the beginning
 *   CEILING(d)           the maximum balance of card d
 *   LOAD(d)              a credit that the owner of d orders, once (0: none)
 *   AGAIN(k)             what must be so before payment k, when it is not the card's first of that request
 *   LOST                 a device that can be lost, and be ended
 *   THIEF                a device whose key is stolen: a payee that signs anything
 *   LOGROOM              records that a card can hold unacknowledged
 *   INSTRUCTIONS         Instructions for each device, before faults stop
 */
#define NOBODY 9

#if defined(TWO_PAYERS)
/* 0 and 1 pay the same request of 2; 0 can pay it again when its card has dropped the first answer. 2 can be lost. */
#define PAYEE(r)   ((r) == 0 -> 2 : NOBODY)
#define AMOUNT(r)  1
#define PAYER(k)   ((k) == 0 -> 0 : ((k) == 1 -> 1 : ((k) == 2 -> 0 : NOBODY)))
#define REQUEST(k) 0
#define REQUESTS   1
#define PAYMENTS   3
#define FUNDS(d)   ((d) == 0 -> 2 : ((d) == 1 -> 1 : 0))
#define CEILING(d) 3
#define AGAIN(k)   ((k) != 2 || PAID(0) && paid[0] <= acked[0])
#define LOST       2

#elif defined(CHAIN)
/* 0 pays 1, who pays 2 with that and what it has. 1 can be lost. */
#define PAYEE(r)   ((r) == 0 -> 1 : ((r) == 1 -> 2 : NOBODY))
#define AMOUNT(r)  ((r) == 0 -> 1 : 2)
#define PAYER(k)   ((k) == 0 -> 0 : ((k) == 1 -> 1 : NOBODY))
#define REQUEST(k) ((k) == 0 -> 0 : 1)
#define REQUESTS   2
#define PAYMENTS   2
#define FUNDS(d)   ((d) < 2 -> 1 : 0)
#define CEILING(d) 2
#define LOST       1

#elif defined(RING)
/* 0 and 1 pay each other; 0 pays 2 with what came back. Instructions only when faults stop. */
#define PAYEE(r)   ((r) == 0 -> 1 : ((r) == 1 -> 0 : ((r) == 2 -> 2 : NOBODY)))
#define AMOUNT(r)  1
#define PAYER(k)   ((k) == 0 -> 0 : ((k) == 1 -> 1 : ((k) == 2 -> 0 : NOBODY)))
#define REQUEST(k) ((k) == 1 -> 1 : ((k) == 2 -> 2 : 0))
#define REQUESTS   3
#define PAYMENTS   3
#define FUNDS(d)   ((d) == 0 -> 1 : 0)
#define CEILING(d) 2
#define INSTRUCTIONS 0

#elif defined(LOADED_CHAIN)
/* A chain again, in which 0 and 1 order a load, and the card of 1 has room for one of what it is owed. */
#define PAYEE(r)   ((r) == 0 -> 1 : ((r) == 1 -> 2 : NOBODY))
#define AMOUNT(r)  1
#define PAYER(k)   ((k) == 0 -> 0 : ((k) == 1 -> 1 : NOBODY))
#define REQUEST(k) ((k) == 0 -> 0 : 1)
#define REQUESTS   2
#define PAYMENTS   2
#define FUNDS(d)   0
#define ONLINE(d)  ((d) < 2 -> 1 : 0)
#define LOAD(d)    ((d) < 2 -> 1 : 0)
#define CEILING(d) 1

#elif defined(STOLEN_KEY)
/* 0 and 1 pay a payee whose key is stolen; 1 can be paid by 0 as well. */
#define PAYEE(r)   ((r) == 0 -> 2 : ((r) == 1 -> 1 : NOBODY))
#define AMOUNT(r)  1
#define PAYER(k)   ((k) == 0 -> 0 : ((k) == 1 -> 1 : ((k) == 2 -> 0 : NOBODY)))
#define REQUEST(k) ((k) == 2 -> 1 : 0)
#define REQUESTS   2
#define PAYMENTS   3
#define FUNDS(d)   ((d) == 0 -> 1 : ((d) == 1 -> 1 : 0))
#define CEILING(d) 2
#define THIEF      2
#define LOST       2
#endif

#ifndef AGAIN
#define AGAIN(k) true
#endif
#ifndef ONLINE
#define ONLINE(d) 0
#endif
#ifndef LOAD
#define LOAD(d) 0
#endif
#ifndef LOST
#define LOST NOBODY
#endif
#ifndef THIEF
#define THIEF NOBODY
#endif
#ifndef LOGROOM
#define LOGROOM 3
#endif
#ifndef INSTRUCTIONS
#define INSTRUCTIONS 1
#endif
