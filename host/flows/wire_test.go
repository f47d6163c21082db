package flows

import (
	"strings"
	"testing"

	"ekrona.example/host/banking"
)

// TestThroughTheWire runs flows whose parties' calls to each other are encoded and decoded as
// between processes: phone, terminal, merchant and issuer to their intermediary, intermediaries to
// the notary. They end as they do within one process.
func TestThroughTheWire(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"terminal":               TestLoadPayAtATerminalAndSynchroniseInEitherOrder,
		"card to card":           TestCardToCardSettlesWhoeverSynchronisesFirst,
		"two phones":             TestTwoPhonesPassMessagesAndTheReceiptSettlesAtOnce,
		"chain":                  TestChainOfThreeSettlesThoughTheLastComesFirst,
		"refused":                TestRefusedPaymentComesBackToTheOnlineWallet,
		"torn":                   TestTerminalRefusesAfterATornTap,
		"unload":                 TestUnloadFillsTheOnlineWallet,
		"lost":                   TestLostCardEndsAndItsMoneyComesBack,
		"blocked":                TestBlockedCardStillResendsRefusesAndSynchronises,
		"lost at the terminal":   TestTerminalTakesNothingFromALostCard,
		"load of the lost":       TestLoadOfACardThatNeverComesAgainComesBack,
		"load refused":           TestLoadThatCannotBeIsRefusedAndItsMoneyStaysOnline,
		"orders":                 TestOrdersAreTheOwnersAndOnceForTheirID,
		"policy":                 TestPolicyComesWithTheNextInstruction,
		"cancelled":              TestCancelledUnloadGivesBackWhatIsPaidAfterAll,
		"desk of a backup":       TestDeskTakesWhatABackupMadeItForget,
		"desk that forgot":       TestUnloadGoesOnAtADeskThatForgotIt,
		"unregistered":           TestPayerThatNobodyRegisteredIsItsIntermediarysLoss,
		"former phone":           TestFormerPhoneOrdersNothingMore,
		"refund":                 TestTerminalRefundsToThePayersOnlineWalletOnceForEachOrder,
		"refund refused":         TestRefundThatIsRefusedLeavesTheMoneyWithTheMerchant,
		"renewal":                TestExpiredCardIsRenewedAndPaysAgain,
		"rollover":               TestRootRollover,
		"corrupted":              TestTerminalResendsWhatWasCorrupted,
		"foreign CA":             TestPayerOfACAThatNeverJoinedStopsNobody,
		"corrupted at the phone": TestRecordThatWasCorruptedAtThePhoneIsReadAgain,
	} {
		t.Run(name, test)
	}
}

// isWired reports whether a test runs in TestThroughTheWire.
func isWired(t *testing.T) bool { return strings.HasPrefix(t.Name(), "TestThroughTheWire/") }

// walletLink returns a phone's link to its intermediary.
func (w *world) walletLink(b banking.Wallet) banking.Wallet {
	if !w.wired {
		return b
	}
	return banking.NewWallet(banking.ServeWallet(b))
}

// terminalLink returns a terminal's link to its intermediary.
func (w *world) terminalLink(b banking.Terminal) banking.Terminal {
	if !w.wired {
		return b
	}
	return banking.NewTerminal(banking.ServeTerminal(b))
}

// deskLink returns an issuer's link to its intermediary.
func (w *world) deskLink(b banking.IssuerDesk) banking.IssuerDesk {
	if !w.wired {
		return b
	}
	return banking.NewIssuerDesk(banking.ServeIssuerDesk(b))
}

// refunds returns a merchant's link to its intermediary.
func (w *world) refunds(b banking.Merchant) banking.Merchant {
	if !w.wired {
		return b
	}
	return banking.NewMerchant(banking.ServeMerchant(b))
}
