package notary

import (
	"context"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
)

// Participant is the calls of one intermediary, which the link has authenticated; the methods call
// it the caller.
type Participant interface {
	Public

	// Register admits a device once, with the key of its certificate. The same registration again
	// is fine, and a later certificate for the same key and role takes the place of the former;
	// another key or owner for an id is refused for ever. It must be done before the device is
	// used: a payment to an id that nobody has registered returns to the payer. Errors: Malformed,
	// Certificate, NotYours, Unknown (not joined), Taken.
	Register(ctx context.Context, r Registration) error

	// Submit hands over signed evidence in any order: a Payment, a Receipt, a Refusal, an accept
	// record (Receipt then Payment, concatenated), or the certificate (7F21) of a payer that nobody
	// registered, which a payee's record needs. The notary verifies every signature with the
	// registered keys, keeps each record for ever, and moves what can move. Each item has its own
	// answer, in order, so that a bad item does not affect the others; an error of Submit itself
	// means that everything can be submitted again. Anybody may submit it: evidence proves itself.
	// One call takes what CheckItems does; InParts divides more. Errors: Malformed (more).
	Submit(ctx context.Context, items [][]byte) ([]Answer, error)

	// OpenChallenge opens a Challenge, which the caller then signs and shows to the device, and
	// returns its random number, and what the device is owed. The notary draws the number, so that
	// no State can have answered the Challenge before: one that does is younger than everything
	// that the notary holds at this moment. Opened again it has the same number, as long as no
	// State has answered it and the notary has learned nothing of the device meanwhile; otherwise
	// it is another Challenge. A device has the last 16 open: an older one that no State has
	// answered is forgotten.
	// Errors: Malformed, Signature (not an instruction key of the caller), NotYours, Unknown.
	OpenChallenge(ctx context.Context, o Opening) (Opened, error)

	// SubmitState takes a device's answer to an opened Challenge, after its records were
	// submitted. It confirms the Instruction that the State shows as applied, finds
	// clones, and says whether the balance is what the records say (protocol §8.2), and what the
	// device is owed now; a difference stops credits, nothing else.
	// Errors: Malformed, Signature, NotYours, Unknown, Challenge (never opened).
	SubmitState(ctx context.Context, state []byte) (StateReport, error)

	// Outstanding returns all that the notary owes a device at its next synchronisation. Errors:
	// NotYours, Unknown.
	Outstanding(ctx context.Context, device message.DeviceID) (Outstanding, error)

	// Position returns where the notary knows a device's journal to be, and the head of its chain
	// after record atc, so that a terminal that was restored from an older copy finds out before it
	// shows a State. Errors: NotYours, Unknown.
	Position(ctx context.Context, device message.DeviceID, atc uint32) (Position, error)

	// CoSign checks an Instruction that the caller has signed (encoded with the notary's
	// signature still zero), reserves its credit by moving it from the caller's online
	// holding to the device's shadow wallet, and returns the whole Instruction with the
	// notary's signature. For (device, instrSeq) there is one body for ever: the same body
	// and order give the same bytes, another body Taken. order is the caller's own key and
	// serves one Instruction only; with it a restarted intermediary finds its own.
	//
	// Errors: Malformed, Signature, NotYours, Unknown, Taken, Sequence (not the next, or
	// the last is not known to be applied), Head (records that it would drop are not
	// held), Funds, Difference (a credit without a State that explains the balance),
	// WrongStatus (a credit for a device reported or ended), Policy, Date, OlderKey (the device has
	// an Instruction by a later key).
	CoSign(ctx context.Context, order OrderKey, instruction []byte) ([]byte, error)

	// Confirm takes a card's Confirmation: a credit that was taken now covers payments, one that
	// was not goes back online. Anybody may bring it. Errors: Malformed, Signature, Unknown,
	// Sequence (no such Instruction).
	Confirm(ctx context.Context, confirmation []byte) error

	// Refund returns money of a settled Payment: from the online holding of the caller, whose
	// terminal was paid, to that of the payer's intermediary, once for the order key. It has two
	// entries, RefundPaid and RefundReceived. For a device that has ended, the refund goes into its
	// shadow wallet, and from there first to its creditors, like all that comes in for it.
	//
	// The holding that pays is the caller's own, so no other signature is needed: the caller is
	// responsible for knowing that the terminal's owner ordered it. An order key has one answer for
	// ever, also when it is a refusal; to try again takes a new order.
	//
	// Errors: Malformed, Unknown, NotYours (the terminal, or the Payment was made to
	// another), NotTerminal, Unsettled, Exceeds (with the refunds before it more than was
	// paid), Funds, Taken (the key was used for another refund).
	Refund(ctx context.Context, r Refund) error

	// ReportLost puts a device on the revocation list and starts the time for which claims on it
	// are honoured. It cannot be taken back; when repeated, the first time counts. Errors:
	// NotYours, Unknown.
	ReportLost(ctx context.Context, device message.DeviceID) error

	// End ends a reported device whose honour time is over; an ended one stays so.
	// Errors: NotYours, Unknown, WrongStatus (not reported, or its time is not over).
	End(ctx context.Context, device message.DeviceID) error

	// EndNow ends a reported device before its honour time is over, at the caller's risk: for what
	// is claimed later, its holding pays. An ended device stays so.
	// Errors: NotYours, Unknown, WrongStatus (not reported).
	EndNow(ctx context.Context, device message.DeviceID) error

	// SetGroup has a device's next Instruction give it another group of people, by which a crisis
	// order may have other limits for it; 0 for none. Errors: NotYours, Unknown.
	SetGroup(ctx context.Context, device message.DeviceID, group uint8) error

	// Statement returns the movements of the caller's holding and of its devices' shadow wallets
	// after a cursor (0: from the beginning), oldest first, at most limit of them, 1 to MaxPage;
	// fewer when there are no more. It only grows; the caller posts each entry once, by its Seq.
	// Errors: Malformed (no page of that size); SetBack (there is no such entry: an older copy has
	// taken the ledger's place).
	Statement(ctx context.Context, after int64, limit int) ([]Entry, error)
}

// Operator is the calls that the central bank's own staff make to its notary.
type Operator interface {
	// Join admits an intermediary by its two root-signed certificates (7F21): its CA's and
	// its instruction key's, both with its name. Later keys join in the same way, beside
	// the former, and the same keys again when the next root has certified them. Errors:
	// Malformed, Certificate (also an instruction key that ends before a former one), Taken (a
	// reference with another key).
	Join(ctx context.Context, name message.Name, ca, instructionKey []byte) error

	// Issue puts new e-krona into an intermediary's online holding, once for the order
	// key. Errors: Malformed (not an amount above zero, or with all that was issued before
	// above MaxIssued), Unknown, Taken (the key was used for another order).
	Issue(ctx context.Context, order OrderKey, intermediary message.Name, amount money.Ore) error

	// FundPool puts new e-krona into the liquidity pool, once for the order key.
	// Errors: as Issue.
	FundPool(ctx context.Context, order OrderKey, amount money.Ore) error

	// EndDue ends every device for which protocol §5 says so: reported longer than the honour time
	// ago; without synchronising since its certificate ended; or with claims that have waited on it
	// too long without its synchronising. It returns those that it has ended now, at most MaxPage:
	// repeat it until it ends none, as [EndAllDue] does.
	EndDue(ctx context.Context) ([]EndedDevice, error)

	// Balances returns the books at one moment: all sums, and the shadow wallets in the order of
	// their devices' ids after one (empty: from the first), at most limit of them, 1 to MaxPage.
	// [AllBalances] asks for every page. Errors: Malformed (no page of that size).
	Balances(ctx context.Context, after message.DeviceID, limit int) (Balances, error)

	// SignCrisisOrder adds the notary's signature to a crisis order, which is in force from its
	// first day on, and returns it whole. A number has one body for ever: the same body gives the
	// same bytes. From then on Instructions name the number that LowestOrder of Outstanding says.
	//
	// Errors: Malformed; Certificate (the key is none by this root, or not the newest that was
	// seen); Signature (the crisis key has not signed it); Unknown (it names another notary, or an
	// intermediary that has not joined); Taken (its number has another body); Sequence (it is not
	// the next number); Date (it is over, or lasts longer than MaxCrisisDays or a signer's
	// certificate); Policy (above what may be ordered).
	SignCrisisOrder(ctx context.Context, s CrisisSigning) ([]byte, error)

	// CrisisOrders returns a page of the crisis orders, the newest first, and how far they have
	// got. The page after it begins before its last order. Errors: Malformed (no page of that
	// size).
	CrisisOrders(ctx context.Context, page CrisisPage) (CrisisReport, error)

	// Payment returns the status of the Payment with this identity (payer, payer atc); its Verdict
	// is Unseen when the notary does not hold it.
	Payment(ctx context.Context, payer message.DeviceID, atc uint32) (PaymentStatus, error)
}

// Public is the calls that anybody may make to the notary.
type Public interface {
	// Revoked pages through the devices that were reported or have ended, after a position
	// in the list: what a terminal asks for at its synchronisation. It gives at most limit
	// of them, 1 to MaxPage. Errors: Malformed (no page of that size).
	Revoked(ctx context.Context, after int64, limit int) ([]Revocation, error)

	// Verdict returns the verdict on a Payment, for anybody who has it: its Request and the hash of
	// its body name it. Unseen when the notary does not hold it.
	Verdict(ctx context.Context, payment PaymentName) (Verdict, error)
}

// MaxPage is the most entries of one page.
const MaxPage = 1000
