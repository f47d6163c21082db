package sandbox

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/banking"
	"ekrona.example/host/durable"
	"ekrona.example/host/lockfile"
	"ekrona.example/host/notary"
	"ekrona.example/host/party"
	"ekrona.example/host/party/bank"
	"ekrona.example/host/party/centralbank"
	"ekrona.example/host/party/phone"
	"ekrona.example/personalization"
	"ekrona.example/personalization/pki"
)

// foundedFile exists once a founding has ended.
const foundedFile = "founded"

// foundedText is what that file says: which format the cards and databases beside it have. The
// number changes when this program can read those of before no longer.
const foundedText = "This folder is a sandbox of offline e-krona, format 2.\n"

// ErrFormat says that a sandbox is of another format than this program's.
var ErrFormat = errors.New("was founded by another version of this program, whose cards and " +
	"databases this one cannot read: use that version, or found a new sandbox in another folder " +
	"(\"ekrona sandbox found DIR\")")

// checkFormat checks that a folder has no sandbox of another format. Errors: [ErrFormat].
func checkFormat(folder string) error {
	text, err := durable.Read(filepath.Join(folder, foundedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && string(text) != foundedText {
		err = fmt.Errorf("%s %w", folder, ErrFormat)
	}
	return err
}

// lockName is the file that whoever founds a sandbox has locked.
const lockName = "lock"

// IsFounded reports whether a folder is that of a sandbox.
func IsFounded(folder string) (bool, error) {
	return durable.Exists(filepath.Join(folder, foundedFile))
}

// ErrFounding says that another program founds the sandbox at this moment.
var ErrFounding = errors.New("is being founded by another program: wait until that ends")

// FoundingEnded reports whether the founding has ended; one that was cut off has not. Errors:
// [ErrFounding].
func (s *Sandbox) FoundingEnded() (bool, error) {
	if ended, err := IsFounded(s.folder); err != nil || ended {
		return ended, err
	}
	// Without a lock parties were moved here.
	if there, err := durable.Exists(s.path(lockName)); err != nil || !there {
		return false, err
	}
	release, err := lockfile.Take(s.path(lockName))
	if errors.Is(err, lockfile.ErrTaken) {
		return false, fmt.Errorf("sandbox %s %w", s.folder, ErrFounding)
	}
	if err != nil {
		return false, err
	}
	return false, release()
}

// Found makes every party of a plan in a folder, which may exist, and opens the sandbox. Keys that
// are there already, such as references to a TPM or an HSM, are used. A founding that was
// interrupted goes on where it was; one that has ended is found again. Errors: [ErrIncomplete],
// [ErrOccupied].
func Found(ctx context.Context, folder string, plan Plan, options Options) (_ *Sandbox, err error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	if err := checkBegun(folder); err != nil {
		return nil, fmt.Errorf("founding: %w: name a new or an empty folder", err)
	}
	s, err := Open(folder, options)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("founding %s: %w", folder, err), s.Close())
		}
	}()
	release, err := lockfile.Take(s.path(lockName))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	switch done, err := IsFounded(folder); {
	case err != nil:
		return nil, err
	case done:
		return s, s.checkComplete(plan)
	}
	if err := s.found(ctx, plan); err != nil {
		return nil, err
	}
	return s, durable.Ensure(s.path(foundedFile), []byte(foundedText), durable.Everyone)
}

// checkBegun checks that a folder has a founding, begun or ended, or that one can begin in it.
func checkBegun(folder string) error {
	if there, err := durable.Exists(filepath.Join(folder, lockName)); err != nil || there {
		return err
	}
	if there, err := HasParties(folder); err != nil || there { // some were moved here
		return err
	}
	return CheckVacant(folder)
}

// ErrOccupied says that a folder has other things in it than what a founding starts from.
var ErrOccupied = errors.New("is not empty")

// CheckVacant checks that a folder is not there or holds nothing but keys of parties to be founded:
// references to a TPM or an HSM, made by "ekrona pki request". What the file system or a desktop
// puts into every folder does not count. Errors: [ErrOccupied].
func CheckVacant(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		switch name := entry.Name(); name {
		case rootFolder, crisisFolder, "lost+found":
			if entry.IsDir() {
				continue
			}
		default:
			files, err := os.ReadDir(filepath.Join(folder, name))
			if strings.HasPrefix(name, ".") ||
				err == nil && len(files) == 1 && files[0].Name() == keysFolder {
				continue
			}
		}
		return fmt.Errorf("%s %w (%s is in it)", folder, ErrOccupied, entry.Name())
	}
	return nil
}

// ErrIncomplete says that a sandbox was founded, and has not every party any more.
var ErrIncomplete = errors.New("was founded, and parties of it are missing or damaged")

// checkComplete looks for every party of a plan. The root is none: its key may be elsewhere.
func (s *Sandbox) checkComplete(plan Plan) error {
	phones, err := s.phones()
	if err != nil {
		return err
	}
	var wrong []string
	look := func(folder string, kind party.Kind) {
		switch is, err := party.KindOf(s.path(folder)); {
		case err != nil:
			wrong = append(wrong, err.Error())
		case is == "":
			wrong = append(wrong, s.path(folder)+" is missing")
		case is != kind:
			wrong = append(wrong, fmt.Sprintf("%s is the folder of a %s", s.path(folder), is))
		}
	}
	look(centralBankFolder, party.CentralBank)
	for _, p := range plan.Banks {
		look(p.Folder, party.Intermediary)
	}
	for _, p := range plan.People {
		look(cmp.Or(phones[p.Name], phoneFolder(p.Name, 1)), party.Phone)
	}
	for _, p := range plan.Merchants {
		look(terminalPrefix+p.Name, party.Terminal)
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("it %w: %s; restore what is missing from its backup; a lost phone can be "+
		"replaced by \"ekrona wallet new-phone NAME\", and is then refused for good", ErrIncomplete,
		strings.Join(wrong, "; "))
}

func (s *Sandbox) found(ctx context.Context, plan Plan) error {
	root, err := pki.Open(s.path(rootFolder), s.options.Random).Root(rootName,
		s.subject(rootHolder, spec.RoleRoot, rootYears))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	key := s.subject(notaryHolder, spec.RoleNotary, authorityYears)
	if err := centralbank.Found(ctx, s.path(centralBankFolder), centralbank.Settings{
		Terms: plan.Terms, Database: plan.Database}, root, key, s.options.Environment); err != nil {
		return fmt.Errorf("central bank: %w", err)
	}
	crisis, err := pki.Open(s.path(crisisFolder), s.options.Random).Certified(crisisName,
		s.subject(crisisHolder, spec.RoleCrisisKey, authorityYears), root)
	if err = errors.Join(err, crisis.Close()); err != nil {
		return fmt.Errorf("crisis key: %w", err)
	}
	for _, p := range plan.Banks {
		if err := s.foundBank(ctx, root, p); err != nil {
			return fmt.Errorf("%s: %w", p.Title, err)
		}
	}
	for i, p := range plan.People {
		if err := s.foundPerson(ctx, p, i+1); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	for _, p := range plan.Merchants {
		b, err := s.Bank(ctx, string(p.Bank))
		if err != nil {
			return err
		}
		if _, err := s.IssueTerminal(ctx, b, p.Name); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return nil
}

func (s *Sandbox) subject(holder cvc.Holder, role spec.Role, years int) pki.Subject {
	today := s.options.Clock.Now()
	return pki.Subject{
		Holder: holder, Role: role, Effective: message.DateOf(today),
		Expiry: message.DateOf(today.AddDate(years, 0, 0)),
	}
}

func (s *Sandbox) foundBank(ctx context.Context, root pki.Identity, p BankPlan) error {
	c, err := s.CentralBank(ctx)
	if err != nil {
		return err
	}
	settings := bank.Settings{
		Name: p.Name, Title: p.Title, CentralBank: filepath.Join("..", centralBankFolder),
		CardYears: deviceYears, BatchSize: personalization.DefaultBatchSize, Database: p.Database,
	}
	subjects := bank.Subjects{
		CA: s.subject(cvc.Holder(p.Name+firstSequence), spec.RoleIntermediary,
			authorityYears),
		Instruction: s.subject(cvc.Holder(p.Name+secondSequence), spec.RoleInstructionKey,
			authorityYears),
		Desk: s.subject(cvc.Holder(banking.DeviceIDOf(p.Name, banking.KindDesk, 1)),
			spec.RoleDesk, deviceYears),
	}
	if err := bank.Found(ctx, s.path(p.Folder), settings, root, c.Certificate, subjects,
		s.options.Environment); err != nil {
		return err
	}
	ca, instruction, err := bank.Certificates(s.path(p.Folder))
	if err != nil {
		return err
	}
	if err := c.Join(ctx, p.Name, ca, instruction); err != nil {
		return err
	}
	if _, err := s.bankAt(ctx, s.path(p.Folder)); err != nil {
		return err
	}
	return c.Issue(ctx, notary.OrderKey("founding of "+string(p.Name)), p.Name, p.Issued)
}

// authorities returns the certificates of all banks' CAs, for phones and terminals.
func (s *Sandbox) authorities(ctx context.Context) (map[string][]byte, error) {
	banks, err := s.Banks(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string][]byte{}
	for _, b := range banks {
		encoded, err := b.CACertificate()
		if err != nil {
			return nil, err
		}
		ca, err := cvc.Parse(encoded)
		if err != nil {
			return nil, err
		}
		all[string(ca.Holder)] = encoded
	}
	return all, nil
}

// foundPhone gives somebody a phone, whose key the bank registers.
func (s *Sandbox) foundPhone(ctx context.Context, b *bank.Bank, name string) error {
	authorities, err := s.authorities(ctx)
	if err != nil {
		return err
	}
	settings := phone.Settings{Owner: name, Intermediary: filepath.Join("..", b.FolderName())}
	return phone.Found(ctx, s.path(phoneFolder(name, 1)), settings, authorities,
		func(app *ecdsa.PublicKey) error {
			return b.AddCustomer(ctx, banking.Customer{ID: name, Name: name, App: app})
		}, s.options.Environment)
}

func (s *Sandbox) foundPerson(ctx context.Context, p PersonPlan, number int) error {
	b, err := s.Bank(ctx, string(p.Bank))
	if err != nil {
		return err
	}
	if err := s.foundPhone(ctx, b, p.Name); err != nil {
		return err
	}
	if p.Deposit > 0 {
		if err := b.Deposit(ctx, "first of "+p.Name, p.Name, p.Deposit); err != nil {
			return err
		}
	}
	if err := s.issueCard(ctx, b, p.Name, number); err != nil {
		return err
	}
	return s.LearnCards(ctx, p.Name)
}
