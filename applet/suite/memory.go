package suite

import (
	"bytes"
	"context"
	"slices"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
	"ekrona.example/emulator/vm"
)

// MemoryInspector is a target whose cards' memory the suite inspects after every command,
// which no real card allows. The suite requires what no answer shows: that no secret of the
// case is left in RAM or in persistent memory, and that a command makes its writes at one
// moment, so that no power cut leaves half of them.
type MemoryInspector interface {
	Target
	// Look shows every object on the card.
	Look(see func(vm.Object))
	// Writes are the changes of persistent memory since it was last asked.
	Writes() []Write
}

// MemorySetter is a target whose cards' memory can be set, which no real card allows: a counter
// near its end.
type MemorySetter interface {
	Target
	// Set writes other bytes, as many, where a byte array of the applet's in persistent memory has
	// those. It is an error unless that is one place.
	Set(was, is []byte) error
}

// Write is one change of the content of a persistent object, or of a static field.
type Write struct {
	Object      vm.Ref // 0 for a static field
	Bytes       int
	Transaction int // its number; 0 for a change that no abort undoes
}

// memoryWrites keeps the changes of persistent memory that a probe sees.
type memoryWrites []Write

// probe is the probe that sees them.
func (w *memoryWrites) probe() vm.Probe {
	return vm.Probe{Write: func(a *vm.Access) vm.Action {
		if a.Storage == vm.Persistent {
			*w = append(*w, Write{a.Object, a.Bytes, a.Transaction})
		}
		return vm.Action{}
	}}
}

// take returns those since it was last called.
func (w *memoryWrites) take() []Write {
	since := *w
	*w = nil
	return since
}

// secret is what a card must forget. The name is for messages.
type secret struct {
	name  string
	value []byte
	kept  int  // places in persistent memory where it may be
	given bool // to a command that asks for none: the card takes it for anything
}

// watchSecret has the suite look for a secret from now on.
func (c *caseRun) watchSecret(name string, value []byte, kept int) {
	known := func(s secret) bool { return bytes.Equal(s.value, value) }
	if !slices.ContainsFunc(c.secrets, known) {
		c.secrets = append(c.secrets, secret{name: name, value: bytes.Clone(value), kept: kept})
	}
}

// mustErase has the suite look for it in persistent memory too.
func (c *caseRun) mustErase(name string) {
	for i := range c.secrets {
		if c.secrets[i].name == name {
			c.secrets[i].kept = 0
		}
	}
}

// noteSecrets notes the secrets in a command that takes none.
func (c *caseRun) noteSecrets(command apdu.Command) {
	if slices.Contains(secretCommands, command.INS) {
		return
	}
	for i := range c.secrets {
		c.secrets[i].given = c.secrets[i].given || bytes.Contains(command.Data, c.secrets[i].value)
	}
}

// secretCommands are the instructions of those that bring secrets.
var secretCommands = []byte{spec.Verify.INS, spec.ChangeReferenceData.INS,
	spec.ResetRetryCounter.INS, spec.PutData.INS, spec.Pair.INS}

// inspected is a card whose memory is inspected after every command.
type inspected struct {
	card   apdu.Card
	memory MemoryInspector
	c      *caseRun
	chain  bool // has started and its last part is still to come
}

// Transmit implements [apdu.Card].
func (m *inspected) Transmit(ctx context.Context, command apdu.Command) (apdu.Response, error) {
	m.c.noteSecrets(command)
	m.memory.Writes()
	r, err := m.card.Transmit(ctx, command)
	if err != nil {
		return r, err
	}
	if r.SW == apdu.OK && command.INS == spec.Activate.INS {
		m.c.mustErase(theToken)
	}
	m.oneMoment(command)
	switch {
	case command.IsChained() && r.SW == apdu.OK:
		m.chain = true // its parts wait for the last
	case m.chain && r.SW == spec.SWChannel:
		// The platform's status word: the applet has not seen the command, and the chain
		// goes on.
	default:
		m.chain = false
		m.noSecrets(command)
	}
	return r, nil
}

// noSecrets looks for every secret in what belongs to the applet. The APDU buffer is
// the platform's, and holds the command until the next.
func (m *inspected) noSecrets(command apdu.Command) {
	found := make([]int, len(m.c.secrets))
	m.memory.Look(func(o vm.Object) {
		if o.Owner == 0 {
			return
		}
		for i, s := range m.c.secrets {
			if s.given {
				continue
			}
			n := bytes.Count(o.Bytes, s.value)
			if n > 0 && o.Storage != vm.Persistent {
				m.c.Errorf("%s leaves %s in RAM", header(command), s.name)
			} else {
				found[i] += n
			}
		}
	})
	for i, s := range m.c.secrets {
		if found[i] > s.kept {
			m.c.Errorf("%s leaves %s in %d places of persistent memory, of %d at most",
				header(command), s.name, found[i], s.kept)
		}
	}
}

// The platform's objects that do not count as the applet's writes: keys and engines,
// which mean nothing before the applet's state names them, and the tries of a PIN,
// which are taken before the comparison and never undone.
const (
	pinObject  = "javacard/framework/OwnerPIN"
	triesWrite = 1
	verifiers  = 2 // that keep a key over resets
)

// ahead are the commands that write a record, or the message of a Request, to a free place first:
// nothing names the place before the one write of the state does.
var ahead = []byte{spec.RequestPayment.INS, spec.Pay.INS, spec.Accept.INS, spec.Refuse.INS}

// oneMoment demands that all writes are in one transaction, or that there is one write, and one
// ahead of it to another object. Before it a byte may go for each of the two verifiers, which says
// whose key that one has, since it is about to get another. INSTRUCTION may pay its debt of PIN
// tries afterwards, and PUT DATA batch key forgets a former key before it writes another, which is
// one byte each.
func (m *inspected) oneMoment(command apdu.Command) {
	writes := m.memory.Writes()
	if len(writes) == 0 {
		return
	}
	engines, pins := map[vm.Ref]bool{}, map[vm.Ref]bool{}
	m.memory.Look(func(o vm.Object) {
		switch o.Class {
		case "":
		case pinObject:
			for _, r := range o.Refs {
				pins[r] = true
			}
		default:
			engines[o.Ref] = true
			for _, r := range o.Refs {
				engines[r] = true
			}
		}
	})
	if command.INS == spec.Select.INS && slices.ContainsFunc(writes,
		func(w Write) bool { return engines[w.Object] }) {
		return // the first one completes the applet, and goes on where it was cut off
	}
	transactions := map[int]bool{}
	together := map[vm.Ref]bool{} // what a transaction wrote
	moments, debts, erased := 0, 0, 0
	var order []vm.Ref // of the objects that other moments wrote, before any transaction
	for _, write := range writes {
		switch {
		case engines[write.Object], pins[write.Object] && write.Bytes == triesWrite &&
			write.Transaction == 0:
		case write.Transaction == 0 && write.Bytes == 1 && moments == 0 && erased < verifiers:
			erased++
		case write.Transaction == 0:
			moments++
			if len(transactions) == 0 {
				order = append(order, write.Object)
			}
			if write.Bytes == 1 {
				debts++
			}
		case !transactions[write.Transaction]:
			transactions[write.Transaction] = true
			moments++
			fallthrough
		default:
			together[write.Object] = true
		}
	}
	batchKey := command.INS == spec.PutData.INS && command.P2 == byte(spec.TagBatchLoad)
	if (command.INS == spec.Instruct.INS || batchKey) && debts == 1 {
		moments--
	}
	if slices.Contains(ahead, command.INS) && len(order) == 1 && !together[order[0]] {
		moments--
	}
	if moments > 1 {
		m.c.Errorf("%s writes at %d moments: a power cut between them leaves half of it",
			header(command), moments)
	}
}
