// Package report draws what a batch has done, as one page and as a table: every card
// with its stages and tries, how long host and card took, and what was in each reader
// when. It knows nothing but a batch.Record and shows no secrets, since there are none
// in it. Start at [HTML] and [CSV].
package report

import (
	"fmt"
	"slices"
	"time"

	"ekrona.example/personalization/batch"
)

// pause is how long nothing may be in any reader before the page starts a new row of
// lanes.
const pause = 10 * time.Minute

// content is what the page shows.
type content struct {
	batch.Record
	Made, Waiting, Open, Rejected, Refused int
	HostEach, CardEach                     time.Duration // median over the cards made in one visit
	// cards made an hour while readers were at work
	Rate       string
	Sessions   []session
	Rows       []row
	TurnedAway []batch.Session
}

// session is a time in which readers were at work.
type session struct {
	Began time.Time
	Long  time.Duration
	Lanes []lane
}

// lane is a reader in a session.
type lane struct {
	Reader string
	Bars   []bar
}

// bar is a stay in a reader; place and width are parts of the session in percent.
type bar struct {
	At, Wide float64
	Outcome  string
	Title    string
}

// row is a card.
type row struct {
	batch.Item
	Number       int
	Last         batch.Tried // nothing if none was started
	Before       []batch.Tried
	CardSessions int
	Host, Card   time.Duration
	Segments     []segment
}

// segment is a stage in a card's bar, in percent of the longest card.
type segment struct {
	Host, Card float64
	Title      string
}

// view works out what the page shows.
func view(r batch.Record) content {
	p := content{Record: r}
	cardSessions := map[string][]batch.Session{} // by device
	for _, v := range r.Sessions {
		if v.Device == "" {
			p.TurnedAway = append(p.TurnedAway, v)
			p.Refused++
		}
		cardSessions[string(v.Device)] = append(cardSessions[string(v.Device)], v)
	}
	var longest time.Duration
	var host, card []time.Duration
	for i, item := range r.Items {
		one := row{Item: item, Number: i + 1}
		if n := len(item.Orders); n > 0 {
			one.Last, one.Before = item.Orders[n-1], item.Orders[:n-1]
		}
		stays := cardSessions[string(one.Last.Device)]
		if one.Last.Device == "" {
			stays = nil
		}
		for _, v := range stays {
			one.CardSessions++
			one.Host, one.Card = one.Host+v.Host(), one.Card+v.Card()
		}
		longest = max(longest, one.Host+one.Card)
		switch item.State() {
		case "active":
			p.Made++
			if one.CardSessions == 1 {
				host, card = append(host, one.Host), append(card, one.Card)
			}
		case "begun":
			p.Waiting++
		default:
			p.Open++
		}
		for _, tried := range item.Orders {
			if tried.State == "rejected" {
				p.Rejected++
			}
		}
		p.Rows = append(p.Rows, one)
	}
	for i := range p.Rows {
		p.Rows[i].Segments = segments(cardSessions[string(p.Rows[i].Last.Device)],
			p.Rows[i].Last.Device != "", longest)
	}
	p.HostEach, p.CardEach = median(host), median(card)
	p.Sessions = sessions(r.Sessions)
	p.Rate = rate(p.Made, p.Sessions)
	return p
}

// segments draws the stages of a card's visits.
func segments(sessions []batch.Session, any bool, longest time.Duration) []segment {
	if !any || longest == 0 {
		return nil
	}
	var all []segment
	for _, v := range sessions {
		for _, s := range v.Steps {
			host := s.Ended.Sub(s.Began) - s.Card
			all = append(all, segment{
				Host: percent(host, longest), Card: percent(s.Card, longest),
				Title: fmt.Sprintf("%s: host %s, card %s", s.Stage, short(host), short(s.Card)),
			})
		}
	}
	return all
}

func percent(part, whole time.Duration) float64 {
	return 100 * float64(max(part, 0)) / float64(max(whole, 1))
}

func median(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// sessions cuts the time of a job where nothing was done for long.
func sessions(cardSessions []batch.Session) []session {
	cardSessions = slices.Clone(cardSessions)
	slices.SortStableFunc(cardSessions,
		func(a, b batch.Session) int { return a.Began.Compare(b.Began) })
	var all []session
	for len(cardSessions) > 0 {
		end, n := cardSessions[0].Ended, 0
		for n < len(cardSessions) && cardSessions[n].Began.Before(end.Add(pause)) {
			if cardSessions[n].Ended.After(end) {
				end = cardSessions[n].Ended
			}
			n++
		}
		if n == 0 {
			n = 1 // a clock that was set back
		}
		all = append(all, draw(cardSessions[:n], end))
		cardSessions = cardSessions[n:]
	}
	return all
}

func draw(sessions []batch.Session, end time.Time) session {
	s := session{Began: sessions[0].Began, Long: max(end.Sub(sessions[0].Began), 1)}
	for _, v := range sessions {
		i := slices.IndexFunc(s.Lanes, func(l lane) bool { return l.Reader == v.Reader })
		if i < 0 {
			i = len(s.Lanes)
			s.Lanes = append(s.Lanes, lane{Reader: v.Reader})
		}
		who := string(v.Device)
		if who == "" {
			who = "turned away: " + v.Reason
		}
		s.Lanes[i].Bars = append(s.Lanes[i].Bars, bar{
			At: percent(v.Began.Sub(s.Began), s.Long), Wide: percent(v.Ended.Sub(v.Began), s.Long),
			Outcome: v.Outcome, Title: fmt.Sprintf("%s, %s, %s", who, v.Outcome,
				short(v.Ended.Sub(v.Began))),
		})
	}
	slices.SortFunc(s.Lanes, func(a, b lane) int {
		if a.Reader < b.Reader {
			return -1
		}
		return 1
	})
	return s
}

func rate(made int, all []session) string {
	var busy time.Duration
	for _, s := range all {
		busy += s.Long
	}
	if made == 0 || busy < time.Millisecond {
		return "–"
	}
	return fmt.Sprintf("%.0f", float64(made)/busy.Hours())
}

// short is a duration for a person.
func short(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}
