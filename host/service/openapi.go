package service

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/swaggest/jsonschema-go"
	"github.com/swaggest/openapi-go"
	"github.com/swaggest/openapi-go/openapi31"

	"ekrona.example/host/remote"
	"ekrona.example/host/service/link"
)

// version is that of the paths.
const version = "1"

// Document returns the OpenAPI 3.1 document of a service, made from the types of the calls that its
// endpoints answer.
func Document(title string, endpoints []Endpoint) ([]byte, error) {
	r := openapi31.NewReflector()
	r.Spec.Info.WithTitle(title).WithVersion(version).WithDescription("Every call can be " +
		"repeated and gives the same answer. Amounts are whole ore, bytes base64, hashes hex. A " +
		"problem document names the rule in its code; after any answer but a refusal and 200 the " +
		"outcome is unknown, and the call is repeated.")
	r.DefaultOptions = append(r.DefaultOptions, jsonschema.InterceptSchema(noOthers),
		jsonschema.InterceptProp(required), jsonschema.InterceptNullability(neverNull),
		jsonschema.InterceptDefName(nameOf))
	declareSecurity(r.Spec)
	for _, e := range endpoints {
		for _, c := range e.Answer(Caller{}).Calls() {
			if err := describe(r, e, c); err != nil {
				return nil, fmt.Errorf("call %s/%s: %w", e.Contract, c.Name, err)
			}
		}
	}
	content, err := json.Marshal(r.Spec)
	if err != nil {
		return nil, err
	}
	var indented bytes.Buffer
	err = json.Indent(&indented, content, "", "  ")
	return append(indented.Bytes(), '\n'), err
}

// Security schemes.
const (
	byCertificate = "certificate"
	bySignature   = "signature"
)

func declareSecurity(spec *openapi31.Spec) {
	components := spec.ComponentsEns()
	components.WithSecuritySchemesItem(byCertificate, openapi31.SecuritySchemeOrReference{
		SecurityScheme: (&openapi31.SecurityScheme{MutualTLS: &openapi31.MutualTLS{}}).
			WithDescription("TLS 1.3 with a client certificate: its common name says who calls.")})
	components.WithSecuritySchemesItem(bySignature, openapi31.SecuritySchemeOrReference{
		SecurityScheme: (&openapi31.SecurityScheme{HTTP: &openapi31.SecuritySchemeHTTP{
			Scheme: "signature"}}).
			WithDescription("HTTP message signature (RFC 9421), label ekrona, over \"@method\" " +
				"\"@authority\" \"@path\" \"content-digest\", with a number that the last answer " +
				"or GET " + link.NoncePath + " gave in " + link.NonceHeader + ".")})
}

// describe adds one call.
func describe(r *openapi31.Reflector, e Endpoint, c remote.Call) error {
	shape(r, c.Request, map[reflect.Type]bool{})
	shape(r, c.Answer, map[reflect.Type]bool{})
	path := "/v1/" + e.Contract + "/" + c.Name
	oc, err := r.NewOperationContext(http.MethodPost, path)
	if err != nil {
		return err
	}
	oc.SetID(e.Contract + "." + c.Name)
	oc.SetTags(e.Contract)
	oc.SetSummary(e.About)
	switch e.Who {
	case Certified:
		oc.AddSecurity(byCertificate)
	case Signed:
		oc.AddSecurity(bySignature)
	case Anybody:
	}
	oc.AddReqStructure(reflect.Zero(c.Request).Interface(),
		openapi.WithContentType("application/json"))
	oc.AddRespStructure(reflect.Zero(c.Answer).Interface(), openapi.WithHTTPStatus(http.StatusOK))
	oc.AddRespStructure(link.Problem{}, func(u *openapi.ContentUnit) {
		u.IsDefault, u.ContentType = true, link.ProblemType
		u.Description = "what was refused, and by which rule"
	})
	if err := r.AddOperation(oc); err != nil {
		return err
	}
	// The library marks what it forbids of parameters, which no call has.
	r.Spec.Paths.MapOfPathItemValues[path].Post.MapOfAnything = nil
	return nil
}

// shape replaces the types that write their own JSON by those that they write.
func shape(r *openapi31.Reflector, t reflect.Type, seen map[reflect.Type]bool) {
	if seen[t] {
		return
	}
	seen[t] = true
	if shaped, is := reflect.Zero(t).Interface().(remote.Shaped); is && t.Kind() == reflect.Struct {
		as := shaped.JSONShape()
		r.AddTypeMapping(reflect.Zero(t).Interface(), as)
		shape(r, reflect.TypeOf(as), seen)
		return
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		shape(r, t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			shape(r, t.Field(i).Type, seen)
		}
	default:
	}
}

// noOthers says of an object that it has no other fields than those that it names.
func noOthers(p jsonschema.InterceptSchemaParams) (stop bool, err error) {
	if p.Processed && p.Schema.HasType(jsonschema.Object) && p.Value.IsValid() &&
		p.Value.Kind() == reflect.Struct {
		no := false
		p.Schema.WithAdditionalProperties(jsonschema.SchemaOrBool{TypeBoolean: &no})
	}
	return false, nil
}

// required says that a field is, unless it is left out when it is empty.
func required(p jsonschema.InterceptPropParams) error {
	_, options, _ := strings.Cut(p.Field.Tag.Get("json"), ",")
	if p.Processed && !strings.Contains(options, "omitempty") &&
		!strings.Contains(options, "omitzero") {
		p.ParentSchema.Required = append(p.ParentSchema.Required, p.Name)
	}
	return nil
}

// neverNull says that what is absent is left out.
func neverNull(p jsonschema.InterceptNullabilityParams) { p.Schema.RemoveType(jsonschema.Null) }

// nameOf names a schema by package and type, as our code does.
func nameOf(t reflect.Type, name string) string {
	if t.Name() == "" {
		return name
	}
	folder := t.PkgPath()[strings.LastIndex(t.PkgPath(), "/")+1:]
	return folder + "." + strings.TrimSuffix(t.Name(), "JSON")
}
