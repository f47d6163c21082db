package link

import (
	"net/http"
	"strings"

	"ekrona.example/host/remote"
)

// Rule names what a request broke before it reached a contract. Its text is the code in problem
// documents and never changes.
type Rule string

// The rules.
const (
	HTTP        Rule = "link:http"        // it is no request of HTTP (RFC 9112)
	Path        Rule = "link:path"        // there is no such call
	Method      Rule = "link:method"      // a call is a POST
	MediaType   Rule = "link:media-type"  // a request is JSON
	Size        Rule = "link:size"        // a request is larger than any may be
	Slow        Rule = "link:slow"        // a request did not arrive whole in time
	Rate        Rule = "link:rate"        // the caller sends more than its rate: wait
	Busy        Rule = "link:busy"        // as much as may be is under way: repeat it later
	Standby     Rule = "link:standby"     // another process of the party decides: repeat it
	Away        Rule = "link:away"        // a database, or who has one, is away: repeat it
	Host        Rule = "link:host"        // it was sent to another name than this server's
	Certificate Rule = "link:certificate" // the caller's certificate is missing or not good here
	Signature   Rule = "link:signature"   // the registered key did not sign the request
	Nonce       Rule = "link:nonce"       // its number was used, or is none of this server
	Caller      Rule = "link:caller"      // the caller may not make this call
)

// rules are the HTTP status and the title of each Rule.
var rules = map[Rule]struct {
	status int
	title  string
}{
	HTTP:      {http.StatusBadRequest, "the request is not of HTTP's form"},
	Path:      {http.StatusNotFound, "there is no such call here"},
	Method:    {http.StatusMethodNotAllowed, "a call is a POST"},
	MediaType: {http.StatusUnsupportedMediaType, "a request is application/json"},
	Size:      {http.StatusRequestEntityTooLarge, "the request is too large"},
	Slow:      {http.StatusRequestTimeout, "the request did not arrive whole in time"},
	Rate:      {http.StatusTooManyRequests, "too many requests of one caller"},
	Busy:      {http.StatusServiceUnavailable, "too many requests are under way"},
	Standby:   {http.StatusServiceUnavailable, "another process decides at the moment"},
	Away: {http.StatusServiceUnavailable,
		"what the call needs cannot be reached at the moment: repeat it later"},
	Host:        {http.StatusMisdirectedRequest, "the request is addressed to another server"},
	Certificate: {http.StatusUnauthorized, "the caller's certificate is missing or not good here"},
	Signature:   {http.StatusUnauthorized, "the registered key did not sign the request"},
	Nonce:       {http.StatusUnauthorized, "the request's number cannot be used: sign it anew"},
	Caller:      {http.StatusForbidden, "the caller may not make this call"},
}

// IsKnown reports whether the code of a problem is one of the rules.
func (r Rule) IsKnown() bool {
	_, known := rules[r]
	return known
}

// Error makes a Rule usable as the target of errors.Is.
func (r Rule) Error() string { return rules[r].title }

// Refused is the refusal of a request by the far side before any contract saw it: nothing was done,
// but by the rule [Away], which leaves the outcome unknown.
type Refused struct {
	Rule   Rule
	Detail string // one line for a human reader
	Holder string // address of the process that decides, for Standby
}

// Error returns the line for a human reader.
func (r *Refused) Error() string {
	if r.Detail == "" {
		return r.Rule.Error()
	}
	return r.Rule.Error() + ": " + r.Detail
}

// Unwrap returns the rule; where nobody decides at the moment, or takes this side's certificate,
// that the far side cannot be reached: for those whom this side answers it is no more than that.
func (r *Refused) Unwrap() []error {
	if r.Rule == Standby || r.Rule == Certificate {
		return []error{r.Rule, remote.ErrUnreachable}
	}
	return []error{r.Rule}
}

// Away reports that the far side may answer later, see remote.Away.
func (r *Refused) Away() bool { return r.Rule == Away || r.Rule == Busy || r.Rule == Rate }

// ProblemType is the media type of a problem document.
const ProblemType = "application/problem+json"

// problemURN begins the type of every problem; behind it is the code.
const problemURN = "urn:ekrona:problem:"

// instanceURN begins the instance of every problem; behind it is the request's id.
const instanceURN = "urn:ekrona:request:"

// Problem is a problem document (RFC 9457 §3.1), with the code of the rule as an extension.
type Problem struct {
	Type     string `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Detail   string `json:"detail,omitempty"`
	Instance string `json:"instance,omitempty"`
	Code     string `json:"code"` // of the contract or of link, such as notary:funds
	// Holder is the address of the process that decides, where another one was asked.
	Holder string `json:"holder,omitempty"`
	// Cause is the error inside, where the contract has one.
	Cause *remote.Problem `json:"cause,omitempty"`
}

// ProblemOf returns the document of a refusal.
func (r *Refused) ProblemOf(requestID string) Problem {
	known := rules[r.Rule]
	return Problem{Type: problemURN + string(r.Rule), Title: known.title, Status: known.status,
		Detail: r.Detail, Instance: instanceURN + requestID, Code: string(r.Rule),
		Holder: r.Holder}
}

// statuses are the HTTP statuses of the contracts' errors, by the code without its contract. What
// is not here is 422.
var statuses = map[string]int{
	"malformed": http.StatusBadRequest, "signature": http.StatusForbidden,
	"certificate": http.StatusForbidden, "not-yours": http.StatusForbidden,
	"unknown": http.StatusNotFound, "no-customer": http.StatusNotFound,
	"no-device": http.StatusNotFound, "no-order": http.StatusNotFound,
	"taken": http.StatusConflict, "sequence": http.StatusConflict, "head": http.StatusConflict,
	"older-key": http.StatusConflict, "has-card": http.StatusConflict,
	"second-card": http.StatusConflict, "corrupted": http.StatusBadRequest,
	"unknown-call": http.StatusNotFound, "unreachable": http.StatusBadGateway,
	"failed": http.StatusInternalServerError, "set-back": http.StatusInternalServerError,
}

// ContractProblem returns the document of an error of a contract.
func ContractProblem(p remote.Problem, requestID string) Problem {
	_, code, named := strings.Cut(p.Code, ":")
	if !named {
		code = p.Code
	}
	status, known := statuses[code]
	if !known {
		status = http.StatusUnprocessableEntity
	}
	return Problem{Type: problemURN + p.Code, Title: strings.ReplaceAll(code, "-", " "),
		Status: status, Detail: p.Detail, Instance: instanceURN + requestID, Code: p.Code,
		Cause: p.Cause}
}

// answer returns what a problem document says: a refusal as an error, an error of the contract as
// the reply of the call.
func (p Problem) answer() (remote.Reply, error) {
	if Rule(p.Code).IsKnown() {
		return remote.Reply{}, &Refused{Rule(p.Code), p.Detail, p.Holder}
	}
	body, err := remote.Encode(remote.Problem{Code: p.Code, Detail: p.Detail, Cause: p.Cause})
	return remote.Reply{Failed: true, Body: body}, err
}
