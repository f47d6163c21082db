package glitch

import (
	_ "embed"

	"ekrona.example/applet/campaign"
)

//go:embed remaining.txt
var remaining string

// Remaining are the gains that the committed CAP file still has, each with the reason why it stays;
// KeyOf says how they are named.
func Remaining() (campaign.Reasons, error) { return campaign.ParseReasons(remaining) }
