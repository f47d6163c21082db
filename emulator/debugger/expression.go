package debugger

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"ekrona.example/apdu"
)

// Expression is an expression of Java's over what a card that stands still shows: local variables,
// fields, static fields, elements and lengths of arrays, by the names that [View.Names] lists.
//
//	expression = binary operators of Java's by their precedence, over
//	unary      = ( "-" | "+" | "!" | "~" | "(byte)" | "(short)" | "(int)" ) unary | operand
//	operand    = ( number | "true" | "false" | "null" | name | "(" expression ")" )
//	             { "." name | "[" expression "]" }
//	name       = letters and digits, or what a dump shows between apostrophes: 'Purse 2'
//
// It assigns nothing and calls nothing.
type Expression struct{ root *node }

// node is an operation with its operands, or an operand.
type node struct {
	op     string // of Java's; or one of the kinds below
	text   string // a name, or a number as it was written
	number int32
	a, b   *node
}

// The kinds of node that are no operators.
const (
	aNumber  = "number"
	aName    = "name"
	aMember  = "."
	anIndex  = "["
	negation = "minus" // of one operand, as plus is the sign
	sign     = "plus"
)

// binding is how strongly an operator of two operands binds.
var binding = map[string]int{"||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "!=": 6, "<": 7,
	"<=": 7, ">": 7, ">=": 7, "<<": 8, ">>": 8, ">>>": 8, "+": 9, "-": 9, "*": 10, "/": 10,
	"%": 10}

// unary are the operators of one operand, by what their token is.
var unary = map[string]string{"-": negation, "+": sign, "!": "!", "~": "~"}

// symbols are the tokens that are no names and no numbers, longer ones first.
var symbols = []string{">>>", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "+", "-", "*", "/",
	"%", "<", ">", "!", "~", "&", "|", "^", "(", ")", "[", "]", "."}

// mostNested is how deep an expression may be nested, and mostLong how many bytes it may have.
const (
	mostNested = 100
	mostLong   = 4096
)

// ParseExpression reads an expression.
func ParseExpression(text string) (*Expression, error) {
	made, rest, err := parsePrefix(text)
	if err == nil && rest != "" {
		err = unexpected(rest)
	}
	if err != nil {
		return nil, err
	}
	return made, nil
}

// parsePrefix reads an expression and leaves what cannot be part of it, without the blanks before.
func parsePrefix(text string) (made *Expression, rest string, err error) {
	if len(text) > mostLong {
		return nil, "", fmt.Errorf("an expression has at most %d bytes, and this one %d", mostLong,
			len(text))
	}
	p := &parsing{rest: text}
	p.next()
	root, err := p.binary(1)
	if err == nil {
		err = p.err
	}
	if err != nil {
		return nil, "", err
	}
	return &Expression{root}, p.from, nil
}

func unexpected(rest string) error {
	if strings.HasPrefix(rest, "=") {
		return errors.New("nothing can be assigned: == compares")
	}
	return fmt.Errorf("%q is not expected there", apdu.Brief(rest))
}

// parsing is an expression that is being read.
type parsing struct {
	from  string // the token and what follows
	rest  string // what follows the token
	token string // "" at the end, or for what is none
	depth int
	err   error // of the token
}

// next takes the next token.
func (p *parsing) next() {
	p.from = strings.TrimLeftFunc(p.rest, unicode.IsSpace)
	p.token, p.rest = "", p.from
	first, _ := utf8.DecodeRuneInString(p.from)
	switch {
	case p.from == "":
		return
	case first == '\'':
		end := strings.IndexByte(p.from[1:], '\'')
		if end < 1 {
			p.err = errors.New("an apostrophe begins a name that another one ends")
			return
		}
		p.take(end + 2)
	case isOfName(first):
		end := strings.IndexFunc(p.from, func(r rune) bool { return !isOfName(r) })
		if end < 0 {
			end = len(p.from)
		}
		p.take(end)
	default:
		for _, s := range symbols {
			if strings.HasPrefix(p.from, s) {
				p.take(len(s))
				return
			}
		}
	}
}

func (p *parsing) take(n int) { p.token, p.rest = p.from[:n], p.from[n:] }

// isOfName reports whether a character is one of a name, or of a number: "@" is in names of what
// has none in the source.
func isOfName(r rune) bool {
	return r == '_' || r == '$' || r == '@' || r != utf8.RuneError &&
		(unicode.IsLetter(r) || unicode.IsDigit(r))
}

// binary reads operands with the operators between them that bind at least so strongly.
func (p *parsing) binary(least int) (*node, error) {
	if p.depth++; p.depth > mostNested {
		return nil, fmt.Errorf("it is nested deeper than %d", mostNested)
	}
	defer func() { p.depth-- }()
	left, err := p.unary()
	for err == nil {
		op := p.token
		strength := binding[op]
		if strength < least || strength == 0 {
			break
		}
		p.next()
		var right *node
		if right, err = p.binary(strength + 1); err == nil {
			left = &node{op: op, a: left, b: right}
		}
	}
	return left, err
}

// casts are the types that a number can be made one of, by their descriptors.
var casts = map[string]string{"byte": "B", "short": "S", "int": "I"}

func (p *parsing) unary() (*node, error) {
	if p.depth++; p.depth > mostNested {
		return nil, fmt.Errorf("it is nested deeper than %d", mostNested)
	}
	defer func() { p.depth-- }()
	op := unary[p.token]
	if op == "" && p.token == "(" {
		inside := *p
		inside.next()
		name := inside.token
		inside.next()
		if casts[name] != "" && inside.token == ")" {
			op, *p = name, inside
		}
	}
	if op == "" {
		return p.operand()
	}
	p.next()
	if op == negation && isNumber(p.token) {
		p.token = "-" + p.token // the lowest number has no positive one
		return p.operand()
	}
	of, err := p.unary()
	return &node{op: op, a: of}, err
}

// operand reads a number, a name, or an expression in brackets, with the parts behind it.
func (p *parsing) operand() (*node, error) {
	if p.err != nil {
		return nil, p.err
	}
	var made *node
	var err error
	switch {
	case p.token == "" && p.from == "":
		return nil, errors.New("something is missing at its end")
	case p.token == "(":
		p.next()
		if made, err = p.binary(1); err != nil {
			return nil, err
		}
		if p.token != ")" {
			return nil, errors.New("a bracket is not closed")
		}
		p.next()
	case isNumber(p.token):
		if made, err = number(p.token); err != nil {
			return nil, err
		}
		p.next()
	default:
		if made, err = p.name(); err != nil {
			return nil, err
		}
	}
	return p.parts(made)
}

func isNumber(token string) bool {
	digits := strings.TrimPrefix(token, "-")
	return digits != "" && digits[0] >= '0' && digits[0] <= '9'
}

// number reads a number: decimal, or hex of up to 32 bits.
func number(token string) (*node, error) {
	digits, isHex := strings.CutPrefix(strings.ToLower(token), "0x")
	switch {
	case isHex:
		n, err := strconv.ParseUint(digits, 16, 32)
		if err != nil {
			return nil, fmt.Errorf("%q is no number of 32 bits", apdu.Brief(token))
		}
		return &node{op: aNumber, text: token, number: int32(uint32(n))}, nil
	case strings.HasPrefix(digits, "-0x"):
		made, err := number(digits[1:])
		if err != nil {
			return nil, err
		}
		return &node{op: negation, a: made}, nil
	case len(strings.TrimPrefix(digits, "-")) > 1 && strings.TrimPrefix(digits, "-")[0] == '0':
		return nil, fmt.Errorf("%q is octal in Java: write it without the 0, or with 0x",
			apdu.Brief(token))
	}
	n, err := strconv.ParseInt(token, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("%q is no number of 32 bits", apdu.Brief(token))
	}
	return &node{op: aNumber, text: token, number: int32(n)}, nil
}

// name reads a name.
func (p *parsing) name() (*node, error) {
	first, _ := utf8.DecodeRuneInString(p.token)
	if first != '\'' && !isOfName(first) || p.token == "" || isNumber(p.token) {
		return nil, unexpected(p.from)
	}
	made := &node{op: aName, text: strings.Trim(p.token, "'")}
	p.next()
	return made, nil
}

// parts reads what stands behind an operand.
func (p *parsing) parts(of *node) (*node, error) {
	for {
		switch p.token {
		case ".":
			p.next()
			if p.err != nil {
				return nil, p.err
			}
			member, err := p.name()
			if err != nil {
				return nil, err
			}
			of = &node{op: aMember, text: member.text, a: of}
		case "[":
			p.next()
			index, err := p.binary(1)
			if err != nil {
				return nil, err
			}
			if p.token != "]" {
				return nil, errors.New("a square bracket is not closed")
			}
			p.next()
			of = &node{op: anIndex, a: of, b: index}
		case "(":
			return nil, fmt.Errorf("%s(: nothing can be called", of)
		default:
			return of, p.err
		}
	}
}

// String is the expression with the brackets that say what belongs together.
func (e *Expression) String() string { return e.root.String() }

func (n *node) String() string {
	switch {
	case n.op == aNumber:
		return n.text
	case n.op == aName:
		return quoted(n.text)
	case n.op == aMember:
		return n.a.String() + "." + quoted(n.text)
	case n.op == anIndex:
		return fmt.Sprintf("%s[%s]", n.a, n.b)
	case n.op == negation:
		return fmt.Sprintf("-(%s)", n.a)
	case n.op == sign:
		return fmt.Sprintf("+(%s)", n.a)
	case casts[n.op] != "":
		return fmt.Sprintf("((%s) %s)", n.op, n.a)
	case n.b == nil:
		return fmt.Sprintf("%s(%s)", n.op, n.a)
	}
	return fmt.Sprintf("(%s %s %s)", n.a, n.op, n.b)
}

// quoted is a name as an expression has it.
func quoted(name string) string {
	first, _ := utf8.DecodeRuneInString(name)
	if unicode.IsDigit(first) || strings.ContainsFunc(name, func(r rune) bool {
		return !isOfName(r)
	}) {
		return "'" + name + "'"
	}
	return name
}
