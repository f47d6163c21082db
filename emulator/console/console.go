// Package console is a card that reads lines and answers each with one line, for
// scripts in any language:
//
//	load FILE.cap ...                                 the AIDs of the packages
//	install MODULE-AID INSTANCE-AID [PARAMETERS]      the AID of the instance
//	reset                                             ok
//	cut N                                             ok
//	memory                                            bytes free, and taken by each kind
//	an APDU in hex                                    data and status word in hex
//
// Files come in dependency order; AIDs and parameters are in hex; blanks within an APDU
// are allowed. After "cut N" power is lost before the N-th persistent write of the next
// command, and the card answers nothing until "reset". An error gives a line that
// begins with "error: " and never ends the run. Empty lines and those that begin with #
// get no answer.
//
// Applets find a card manager with the published test keys through org.globalplatform;
// no command reaches it.
//
// It trusts its input: a load line names any file. Start with [Run].
package console

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"ekrona/apdu"
	"ekrona/emulator/card"
	"ekrona/emulator/globalplatform"
)

// Options are what the card of a run is made with.
type Options struct {
	Profile    card.Profile
	Interface  card.Interface
	Seed       string    // makes the run repeat; "" takes the system's randomness
	Transcript io.Writer // gets every event in the life of the card; may be nil

	// Sink, if not nil, receives each exchange of a well-formed command.
	Sink func(apdu.Exchange)
}

// Run makes a blank card and answers the lines of in on out, each at once, until
// in ends. The error is not nil if in or out fail or the card cannot be made.
func Run(ctx context.Context, in io.Reader, out io.Writer, options Options) error {
	settings := card.Options{Profile: options.Profile, Interface: options.Interface,
		Transcript: options.Transcript}
	var managing globalplatform.Options
	if options.Seed != "" {
		settings.Random = card.SeededRandom(options.Seed)
		managing.Random = card.SeededRandom(options.Seed + " card manager")
	}
	c, err := card.New(settings)
	if err != nil {
		return err
	}
	manager, err := globalplatform.New(c, managing)
	if err != nil {
		return err
	}
	manager.Leave()
	for lines := bufio.NewReader(in); ; {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("card run: %w", err)
		}
		line, err := readLine(lines)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, errLong) {
			return fmt.Errorf("card run: read: %w", err)
		}
		if line = strings.TrimSpace(line); err == nil && (line == "" || line[0] == '#') {
			continue
		}
		var answer string
		if err == nil {
			answer, err = execute(ctx, c, line, options.Sink)
		}
		if err != nil {
			answer = "error: " + strings.Join(strings.Fields(err.Error()), " ")
		}
		if _, err := fmt.Fprintln(out, answer); err != nil {
			return fmt.Errorf("card run: write: %w", err)
		}
	}
}

// maxLine holds the longest extended APDU, in hex with blanks.
const maxLine = 1 << 18

var errLong = fmt.Errorf("a line has at most %d bytes; this one was skipped", maxLine)

// readLine returns the next line, or errLong after skipping one that is too long.
func readLine(lines *bufio.Reader) (string, error) {
	var line bytes.Buffer
	for {
		part, err := lines.ReadSlice('\n')
		if line.Len() <= maxLine {
			line.Write(part)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && line.Len() > 0, err == nil:
			if line.Len() > maxLine {
				return "", errLong
			}
			return line.String(), nil
		default:
			return "", err
		}
	}
}

// execute carries out one line and returns the answer.
func execute(
	ctx context.Context, c *card.Card, line string, sink func(apdu.Exchange),
) (string, error) {
	words := strings.Fields(line)
	arguments := words[1:]
	switch words[0] {
	case "load":
		return load(c, arguments)
	case "install":
		return install(c, arguments)
	case "reset":
		if len(arguments) != 0 {
			return "", errors.New("reset takes nothing")
		}
		c.Reset()
		return "ok", nil
	case "cut":
		return cut(c, arguments)
	case "memory":
		return memory(c, arguments)
	}
	command, err := apdu.ParseHex(line)
	if err != nil {
		return "", fmt.Errorf("%q is neither load, install, reset, cut, memory nor an APDU in "+
			"hex (%w)", words[0], err)
	}
	if parsed, malformed := apdu.ParseCommand(command); malformed == nil && sink != nil {
		response, err := apdu.Recorder{Card: c, Sink: sink}.Transmit(ctx, parsed)
		if err != nil {
			return "", err
		}
		return response.String(), nil
	}
	response, err := c.TransmitBytes(command)
	return fmt.Sprintf("%X", response), err
}

// load puts the files onto the card, up to the first that is refused.
func load(c *card.Card, files []string) (string, error) {
	if len(files) == 0 {
		return "", errors.New("load takes the names of CAP files")
	}
	var loaded []string
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		p, err := c.Load(content)
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		loaded = append(loaded, p.AID.String())
	}
	return strings.Join(loaded, " "), nil
}

func install(c *card.Card, arguments []string) (string, error) {
	if len(arguments) != 2 && len(arguments) != 3 {
		return "", errors.New("install takes MODULE-AID INSTANCE-AID [PARAMETERS]")
	}
	module, err := card.ParseAID(arguments[0])
	if err != nil {
		return "", err
	}
	instance, err := card.ParseAID(arguments[1])
	if err != nil {
		return "", err
	}
	var parameters []byte
	if len(arguments) == 3 {
		if parameters, err = apdu.ParseHex(arguments[2]); err != nil {
			return "", fmt.Errorf("parameters: %w", err)
		}
	}
	installed, err := c.Install(module, instance, parameters)
	return installed.String(), err
}

func cut(c *card.Card, arguments []string) (string, error) {
	if len(arguments) == 1 {
		if n, err := strconv.Atoi(arguments[0]); err == nil && n >= 1 {
			c.CutBefore(n)
			return "ok", nil
		}
	}
	return "", errors.New("cut takes the number of a persistent write, 1 or more")
}

// memory reports what is free, and what each kind of object takes.
func memory(c *card.Card, arguments []string) (string, error) {
	if len(arguments) != 0 {
		return "", errors.New("memory takes nothing")
	}
	free, err := c.Memory()
	if err != nil {
		return "", err
	}
	answer := fmt.Sprintf("free: %d persistent, %d transient", free.NVMFree, free.ResetFree)
	for _, t := range c.Taken() {
		answer += fmt.Sprintf("; %s (%d): %d persistent, %d transient", t.Kind, t.Count, t.NVM,
			t.Transient)
	}
	return answer, nil
}
