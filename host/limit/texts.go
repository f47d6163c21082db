package limit

// line is one text in both languages.
type line struct{ en, sv string }

var owners = map[Owner]line{
	Terminal: {"the terminal's", "terminalen"},
	Card:     {"the card's", "kortet"},
	Payer:    {"the payer's card's", "betalarens kort"},
	Payee:    {"the payee's card's", "mottagarens kort"},
}

// text is the words of a limit. In reached, %s is whose it is; Swedish has no genitive of a phrase
// ("betalarens korts"), so it names the thing itself.
type text struct {
	name, reached line
	unit, one     line           // of what is left, where a number alone says too little
	remedies      map[Owner]line // where it depends on whose it is
	otherwise     line
}

// onPhone follows the remedy for a payer's card whose numbers are not known.
var onPhone = line{"; its owner's phone shows how much is possible",
	"; i ägarens telefon syns hur mycket som går"}

func (t text) remedy(whose Owner) line {
	if own, there := t.remedies[whose]; there {
		return own
	}
	return t.otherwise
}

// texts is the one table of the limits.
var texts = map[Kind]text{
	Funds: {
		name:    line{"balance", "saldo"},
		reached: line{"%s balance is lower than the amount", "saldot på %s räcker inte"},
		otherwise: line{"load the card, or pay with another card or a lower amount",
			"ladda kortet, eller betala med ett annat kort eller ett lägre belopp"},
	},
	Received: {
		name: line{"money that may be paid on", "pengar som får betalas vidare"},
		reached: line{"%s money that came without the network may not be paid on yet",
			"pengar som har kommit utan uppkoppling på %s får inte betalas vidare än"},
		remedies: map[Owner]line{Payer: {
			"ask for less, or pay with another card; this one must first synchronise",
			"ta ett lägre belopp, eller betala med ett annat kort; det här måste först " +
				"kopplas upp"}},
		otherwise: line{"pay less, or synchronise the card first",
			"betala ett lägre belopp, eller koppla först upp kortet"},
	},
	Payment: {
		name: line{"limit for one payment", "gräns för en betalning"},
		reached: line{"the amount is above %s limit for one payment",
			"beloppet är högre än gränsen för en betalning på %s"},
		otherwise: line{"ask for less", "ta ett lägre belopp"},
	},
	Balance: {
		name: line{"limit of what it may hold", "gräns för saldot"},
		reached: line{"%s limit of what it may hold has no room for the amount",
			"beloppet får inte plats under gränsen för saldot på %s"},
		remedies: map[Owner]line{Card: {
			"load less, refuse a Request that nobody will pay, or first pay or unload",
			"ladda ett lägre belopp, avvisa en begäran som ingen betalar, eller betala eller " +
				"töm kortet först"}},
		otherwise: line{ // what open Requests ask for takes room too
			"ask for less, refuse a Request that nobody will pay, or first unload or " +
				"synchronise the card",
			"ta ett lägre belopp, avvisa en begäran som ingen betalar, eller koppla först upp " +
				"kortet eller töm det"},
	},
	Transactions: {
		name: line{"payments without the network", "betalningar utan uppkoppling"},
		reached: line{"%s payments without the network are used up",
			"betalningarna utan uppkoppling på %s är slut"},
		remedies: map[Owner]line{Payer: {"pay with another card; this one must first synchronise",
			"betala med ett annat kort; det här måste först kopplas upp"}},
		otherwise: line{"synchronise the card first", "koppla först upp kortet"},
	},
	Spent: {
		name: line{"sum without the network", "summa utan uppkoppling"},
		reached: line{"%s sum without the network has no room for the amount",
			"beloppet får inte plats i summan utan uppkoppling på %s"},
		remedies: map[Owner]line{Payer: {
			"ask for less, or pay with another card; this one must first synchronise",
			"ta ett lägre belopp, eller betala med ett annat kort; det här måste först " +
				"kopplas upp"}},
		otherwise: line{"ask for less, or synchronise the card first",
			"ta ett lägre belopp, eller koppla först upp kortet"},
	},
	OpenRequests: {
		name: line{"open requests", "öppna begäranden"},
		reached: line{"%s open requests take all places",
			"öppna begäranden på %s tar alla platser"},
		remedies: map[Owner]line{Terminal: {
			"hold the torn cards to the terminal again, or refuse one of the sales",
			"håll de avbrutna korten mot terminalen igen, eller avvisa ett av köpen"}},
		otherwise: line{"finish or refuse one first", "slutför eller avvisa först en av dem"},
	},
	Log: {
		name: line{"room for records", "plats för betalningar"},
		reached: line{"%s room for records is used up",
			"platsen för betalningar på %s är slut"},
		remedies: map[Owner]line{Payer: {"pay with another card; this one must first synchronise",
			"betala med ett annat kort; det här måste först kopplas upp"}},
		otherwise: line{"synchronise the card first", "koppla först upp kortet"},
	},
	Receipts: {
		name: line{"sales without the network", "köp utan uppkoppling"},
		reached: line{"%s sales without the network are used up",
			"köpen utan uppkoppling på %s är slut"},
		otherwise: line{"synchronise the terminal first", "koppla först upp terminalen"},
	},
	PayerSum: {
		name: line{"sum from one card without the network", "summa från ett kort utan uppkoppling"},
		reached: line{"%s sum from this card without the network has no room for the amount",
			"beloppet får inte plats i summan från det här kortet utan uppkoppling på %s"},
		otherwise: line{"ask for less or for another card, or synchronise the terminal first",
			"ta ett lägre belopp eller ett annat kort, eller koppla först upp terminalen"},
	},
	PIN: {
		name: line{"PIN", "PIN-kod"}, unit: line{"tries", "försök"}, one: line{"try", "försök"},
		reached: line{"%s PIN was not the right one", "fel PIN-kod till %s"},
		otherwise: line{"enter the right one; after the last try it is blocked",
			"ange rätt kod; efter det sista försöket spärras den"},
	},
	PINBlocked: {
		name: line{"PIN", "PIN-kod"}, unit: line{"tries", "försök"},
		reached: line{"%s PIN is blocked", "PIN-koden till %s är spärrad"},
		remedies: map[Owner]line{Payer: {
			"pay with another card; this one's owner sets a new PIN by the PUK",
			"betala med ett annat kort; det här kortets ägare väljer en ny kod med PUK-koden"}},
		otherwise: line{"set a new PIN by the PUK", "välj en ny kod med PUK-koden"},
	},
	Sum: {
		name: line{"sum without the network", "summa utan uppkoppling"},
		reached: line{"%s sum without the network has no room for the amount",
			"beloppet får inte plats i summan utan uppkoppling på %s"},
		otherwise: line{"ask for less, or synchronise the terminal first",
			"ta ett lägre belopp, eller koppla först upp terminalen"},
	},
}
