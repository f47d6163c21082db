package shell

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"ekrona.example/apdu"
	"ekrona.example/apdu/capture"
	"ekrona.example/apdu/script"
	"ekrona.example/apdu/trace"
	"ekrona.example/applet/vocabulary"
	"ekrona.example/host/cmd/ekrona/internal/cli"
)

// DecodeCommand is "ekrona card decode".
func DecodeCommand() *cobra.Command {
	asJSON, asScript, raw := false, false, false
	c := &cobra.Command{
		Use:   "decode FILE",
		Short: "Decode a capture or a log of exchanges with a card",
		Long: `Decode a capture or a log of exchanges with a card: one of --capture, pcap and pcapng with
GSMTAP as SIMtrace and pySim-trace have it, the APDU trace of pySim, and the logs of
GlobalPlatformPro (-d), pcscd (--apdu) and OpenSC. "-" is standard input.

What could be a secret is not shown, except with --script, which makes the log a script for
"ekrona shell": it sends the same commands and checks the answers.`,
		Example: `  gp -d --list | ekrona card decode -
  ekrona card decode capture.pcapng --script > test.script`,
		Args: cli.Exactly(1, "the name of a file, or -"),
		RunE: func(c *cobra.Command, arguments []string) error {
			in := c.InOrStdin()
			if arguments[0] != "-" {
				file, err := os.Open(arguments[0])
				if err != nil {
					return err
				}
				defer file.Close()
				in = file
			}
			give := decoded(c, raw)
			switch {
			case asScript:
				give = scripted(c.OutOrStdout())
			case asJSON:
				encoder := json.NewEncoder(c.OutOrStdout())
				give = func(e capture.Exchange) error { return encoder.Encode(tree(e)) }
			}
			err := capture.Each(in, give)
			if errors.Is(err, capture.ErrNothing) {
				return fmt.Errorf("%s: %w", arguments[0], err)
			}
			return err
		},
	}
	c.Flags().BoolVar(&asScript, "script", false, "write a script that sends the same and expects "+
		"the same answers (it holds the secrets of the log)")
	c.Flags().BoolVar(&raw, "raw", false, "show raw bytes too, and cut nothing short")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object for each exchange, a line each")
	c.MarkFlagsMutuallyExclusive("script", "json")
	return c
}

// tree decodes an exchange.
func tree(e capture.Exchange) trace.Exchange {
	out := vocabulary.Decoder().Bytes(e.Command, e.Response)
	out.Label, out.Began, out.Took = e.Label, e.Began, e.Took
	if e.Failed != "" {
		out.Err = errors.New(e.Failed)
	}
	return out
}

func decoded(c *cobra.Command, raw bool) func(capture.Exchange) error {
	text := cli.Trace{On: true, Raw: raw}.Text()
	return func(e capture.Exchange) error {
		_, err := io.WriteString(c.OutOrStdout(), text.Exchange(tree(e)))
		return err
	}
}

// scripted writes the exchanges as a script. One with masked bytes is a comment: it would send
// zeros.
func scripted(out io.Writer) func(capture.Exchange) error {
	names := *vocabulary.Script()
	names.Malformed = true
	return func(e capture.Exchange) error {
		if len(e.Masked.Command) > 0 {
			_, err := fmt.Fprintf(out, "# %d secret bytes are missing: %X\n", len(e.Masked.Command),
				e.Command[:min(len(e.Command), 4)])
			return err
		}
		step := script.StepOf(e.Command)
		if r, err := apdu.ParseResponse(e.Response); err == nil {
			step.Expected = script.Exactly(r)
		}
		_, err := fmt.Fprintln(out, names.Text(step))
		return err
	}
}
