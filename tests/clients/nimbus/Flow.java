import static java.net.URLEncoder.encode;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.util.JSONObjectUtils;
import com.nimbusds.oauth2.sdk.ErrorObject;
import com.nimbusds.oauth2.sdk.OAuth2Error;
import com.nimbusds.oauth2.sdk.Scope;
import com.nimbusds.oauth2.sdk.TokenRequest;
import com.nimbusds.oauth2.sdk.TokenResponse;
import com.nimbusds.oauth2.sdk.auth.ClientAuthentication;
import com.nimbusds.oauth2.sdk.auth.ClientSecretBasic;
import com.nimbusds.oauth2.sdk.auth.Secret;
import com.nimbusds.oauth2.sdk.ciba.CIBAGrant;
import com.nimbusds.oauth2.sdk.ciba.CIBARequest;
import com.nimbusds.oauth2.sdk.ciba.CIBARequestAcknowledgement;
import com.nimbusds.oauth2.sdk.ciba.CIBAResponse;
import com.nimbusds.oauth2.sdk.device.DeviceAuthorizationGrantError;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.id.Issuer;
import com.nimbusds.openid.connect.sdk.OIDCTokenResponse;
import com.nimbusds.openid.connect.sdk.OIDCTokenResponseParser;
import com.nimbusds.openid.connect.sdk.claims.ACR;
import com.nimbusds.openid.connect.sdk.op.OIDCProviderMetadata;
import com.nimbusds.openid.connect.sdk.validators.IDTokenValidator;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.List;
import java.util.Map;

/**
 * Two sign-ins with an unmodified Nimbus SDK: one is approved, one is denied.
 *
 * <pre>
 *   ISSUER, CLIENT_ID, CLIENT_SECRET, LOGIN_HINT   required; the client uses client_secret_basic
 *   DECIDE_URL                                     required; {DECIDE_URL}/decide decides in place of the person
 * </pre>
 *
 * Prints one JSON line about the approved sign-in. Ends with a stack trace if anything is not as expected.
 */
public class Flow {
    private final ClientID clientId = new ClientID(setting("CLIENT_ID"));
    private final ClientAuthentication authentication =
            new ClientSecretBasic(clientId, new Secret(setting("CLIENT_SECRET")));
    private final OIDCProviderMetadata provider = OIDCProviderMetadata.resolve(new Issuer(setting("ISSUER")));

    private Flow() throws Exception {}

    public static void main(String[] arguments) throws Exception {
        var flow = new Flow();
        var result = flow.approved();
        flow.denied();
        System.out.println(JSONObjectUtils.toJSONString(result));
    }

    private Map<String, Object> approved() throws Exception {
        var request = ask("W4SCT");
        pause(request);
        refused(poll(request), DeviceAuthorizationGrantError.AUTHORIZATION_PENDING);
        decide(request, "allow");

        pause(request);
        var tokens = ((OIDCTokenResponse) poll(request).toSuccessResponse()).getOIDCTokens();
        var keys = provider.getJWKSetURI().toURL();
        var validator = new IDTokenValidator(provider.getIssuer(), clientId, JWSAlgorithm.ES256, keys);
        var claims = validator.validate(tokens.getIDToken(), null);
        return Map.of(
                "sub", claims.getSubject().getValue(),
                "acr", claims.getACR().getValue(),
                "expires_in", tokens.getAccessToken().getLifetime());
    }

    private void denied() throws Exception {
        var request = ask("W5SCT");
        decide(request, "deny");
        refused(poll(request), OAuth2Error.ACCESS_DENIED);
    }

    private CIBARequestAcknowledgement ask(String bindingMessage) throws Exception {
        var request = new CIBARequest.Builder(authentication, new Scope("openid", "profile"))
                .endpointURI(provider.getBackChannelAuthenticationEndpointURI())
                .loginHint(setting("LOGIN_HINT"))
                .bindingMessage(bindingMessage)
                .requestedExpiry(45)
                // Two values: the SDK repeats the parameter.
                .acrValues(List.of(new ACR("urn:example:acr:mfa"), new ACR("urn:example:acr:password")))
                .build();
        var response = CIBAResponse.parse(request.toHTTPRequest().send());
        if (!response.indicatesSuccess()) {
            throw new IllegalStateException(response.toErrorResponse().getErrorObject().toJSONObject().toJSONString());
        }
        var acknowledgement = response.toRequestAcknowledgement();
        check(acknowledgement.getExpiresIn() == 45, "it expires in " + acknowledgement.getExpiresIn() + " s");
        return acknowledgement;
    }

    private TokenResponse poll(CIBARequestAcknowledgement request) throws Exception {
        var grant = new CIBAGrant(request.getAuthRequestID());
        var response = new TokenRequest.Builder(provider.getTokenEndpointURI(), authentication, grant).build();
        return OIDCTokenResponseParser.parse(response.toHTTPRequest().send());
    }

    private static void refused(TokenResponse response, ErrorObject expected) {
        check(!response.indicatesSuccess(), "tokens instead of " + expected.getCode());
        var error = response.toErrorResponse().getErrorObject();
        check(error.getHTTPStatusCode() == 400 && error.getCode().equals(expected.getCode()), error.getCode());
    }

    private static void decide(CIBARequestAcknowledgement request, String action) throws Exception {
        var id = encode(request.getAuthRequestID().getValue(), UTF_8);
        var uri = URI.create(setting("DECIDE_URL") + "/decide?auth_req_id=" + id + "&action=" + action);
        var post = HttpRequest.newBuilder(uri).POST(HttpRequest.BodyPublishers.noBody()).build();
        var response = HttpClient.newHttpClient().send(post, BodyHandlers.ofString());
        check(response.statusCode() == 200, response.body());
    }

    private static void pause(CIBARequestAcknowledgement request) throws InterruptedException {
        Thread.sleep(request.getMinWaitInterval() * 1000L);
    }

    private static String setting(String name) {
        var value = System.getenv(name);
        check(value != null, name + " is not set");
        return value;
    }

    private static void check(boolean holds, String otherwise) {
        if (!holds) {
            throw new IllegalStateException(otherwise);
        }
    }
}
