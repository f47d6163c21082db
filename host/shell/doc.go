// Package shell is a session with one card, line by line: a virtual card, blank or personalized,
// or one in a reader, with any applet. A line is an APDU in hex or by name, in the language of
// package apdu/script, or begins with a word of the table of [Word]s, such as "cut 3". "ekrona
// shell" and "ekrona card run" are this package at a terminal and at a pipe.
//
// A [Session] sends exactly what was typed. What the card wants next, such as GET RESPONSE, it
// says and does not send.
//
// Other packages add words: they make a table of their own and the command joins it to [Words].
//
//	shell.Word{
//		Name: "writes", Usage: "writes", Help: "how often the last command wrote",
//		Run: func(ctx context.Context, s *shell.Session, arguments []string) (shell.Answer, error) {
//			virtual, err := s.Virtual()
//			if err != nil {
//				return shell.Answer{}, err
//			}
//			n := virtual.LastCommand().Writes
//			return shell.Answer{Line: fmt.Sprint(n), Value: n}, nil
//		},
//	}
//
// It trusts its input: a line names any file and any card. Secrets reach no sink and no history.
// Start at [New], [Session.Execute] and [Session.Run].
package shell
