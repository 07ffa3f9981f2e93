// Two sign-ins with unmodified go-oidc and golang.org/x/oauth2: one is approved, one is denied.
//
//	ISSUER, CLIENT_ID, CLIENT_SECRET, LOGIN_HINT   required; the client uses client_secret_basic
//	DECIDE_URL                                     required; {DECIDE_URL}/decide decides in place of the person
//
// Prints one JSON line about the approved sign-in. Ends with an error if anything is not as expected.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

const ciba = "urn:openid:params:grant-type:ciba"

// The response of the backchannel authentication endpoint, which the libraries do not support.
type acknowledgement struct {
	AuthReqID string `json:"auth_req_id"`
	ExpiresIn int    `json:"expires_in"`
	Interval  int    `json:"interval"`
}

type client struct {
	id, secret, hint, decideURL string
	provider                    *oidc.Provider
	backchannel                 string
}

func main() {
	log.SetFlags(0)
	ctx := context.Background()
	provider, err := oidc.NewProvider(ctx, required("ISSUER"))
	check(err)
	var metadata struct {
		Backchannel string `json:"backchannel_authentication_endpoint"`
	}
	check(provider.Claims(&metadata))
	it := client{
		id: required("CLIENT_ID"), secret: required("CLIENT_SECRET"), hint: required("LOGIN_HINT"), decideURL: required("DECIDE_URL"),
		provider: provider, backchannel: metadata.Backchannel,
	}
	result := it.approved(ctx)
	it.denied(ctx)
	check(json.NewEncoder(os.Stdout).Encode(result))
}

func (it client) approved(ctx context.Context) map[string]any {
	request := it.ask(ctx, "W4SCT")
	_, err := it.poll(ctx, request)
	refused(err, "authorization_pending")
	it.decide(request, "allow")
	token, err := it.poll(ctx, request)
	check(err)

	raw, _ := token.Extra("id_token").(string)
	verifier := it.provider.Verifier(&oidc.Config{ClientID: it.id, SupportedSigningAlgs: []string{oidc.ES256}})
	id, err := verifier.Verify(ctx, raw)
	check(err)
	var claims struct {
		ACR string `json:"acr"`
	}
	check(id.Claims(&claims))
	info, err := it.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	check(err)
	return map[string]any{"sub": id.Subject, "acr": claims.ACR, "userinfo_sub": info.Subject}
}

func (it client) denied(ctx context.Context) {
	request := it.ask(ctx, "W5SCT")
	it.decide(request, "deny")
	_, err := it.poll(ctx, request)
	refused(err, "access_denied")
}

func (it client) ask(ctx context.Context, message string) (request acknowledgement) {
	form := url.Values{
		"scope": {"openid profile"}, "login_hint": {it.hint}, "binding_message": {message}, "requested_expiry": {"45"},
	}
	call, err := http.NewRequestWithContext(ctx, http.MethodPost, it.backchannel, strings.NewReader(form.Encode()))
	check(err)
	call.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	call.SetBasicAuth(url.QueryEscape(it.id), url.QueryEscape(it.secret))
	answer(call, &request)
	if request.ExpiresIn != 45 {
		log.Fatalf("expires_in is %d", request.ExpiresIn)
	}
	return request
}

// One poll, after the interval. The library allows another grant type in place of client_credentials.
func (it client) poll(ctx context.Context, request acknowledgement) (*oauth2.Token, error) {
	time.Sleep(time.Duration(request.Interval) * time.Second)
	config := clientcredentials.Config{
		ClientID: it.id, ClientSecret: it.secret, TokenURL: it.provider.Endpoint().TokenURL, AuthStyle: oauth2.AuthStyleInHeader,
		EndpointParams: url.Values{"grant_type": {ciba}, "auth_req_id": {request.AuthReqID}},
	}
	return config.Token(ctx)
}

func refused(err error, code string) {
	var refusal *oauth2.RetrieveError
	if !errors.As(err, &refusal) || refusal.ErrorCode != code || refusal.Response.StatusCode != 400 {
		log.Fatalf("%s was expected: %v", code, err)
	}
}

func (it client) decide(request acknowledgement, action string) {
	query := url.Values{"auth_req_id": {request.AuthReqID}, "action": {action}}
	call, err := http.NewRequest(http.MethodPost, it.decideURL+"/decide?"+query.Encode(), nil)
	check(err)
	answer(call, nil)
}

func answer(call *http.Request, into any) {
	response, err := http.DefaultClient.Do(call)
	check(err)
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		log.Fatalf("%s answered %s", call.URL.Path, response.Status)
	}
	if into != nil {
		check(json.NewDecoder(response.Body).Decode(into))
	}
}

func required(name string) string {
	value := os.Getenv(name)
	if value == "" {
		log.Fatalf("%s is not set", name)
	}
	return value
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
