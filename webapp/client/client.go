// Package client calls an ISURIDE server and follows its feed, as openapi.yaml and
// asyncapi.yaml in webapp/docs describe them. It knows nothing else of the server: a program
// can copy this folder, and what the documents do not say, it cannot do.
//
// A Client acts for one account, by its access token. Registration returns a Client that acts
// for the new account:
//
//	rider, _, err := client.New("http://localhost:8080").RegisterUser(ctx, client.Person{...})
//	ride, err := rider.RequestRide(ctx, from, to)
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Client makes calls for one account, or for nobody. Its methods may be called at once.
type Client struct {
	URL   string       // of the server, as http://localhost:8080
	Token string       // access token of the account, "" for nobody
	HTTP  *http.Client // http.DefaultClient if nil; also says whose certificates are trusted
}

// New returns a client for nobody.
func New(url string) *Client { return &Client{URL: url} }

// As returns a client for the account of a token.
func (c *Client) As(token string) *Client { return &Client{URL: c.URL, Token: token, HTTP: c.HTTP} }

// Error is an answer that is none of those that a call hopes for.
type Error struct {
	Status  int
	Message string // one sentence
	// RetryAfter is for how long a busy server wants to be left alone, in whole seconds; the same call may be
	// made again then. 0 if it says nothing.
	RetryAfter time.Duration `json:"-"`
}

func (e *Error) Error() string { return fmt.Sprintf("isuride: %d: %s", e.Status, e.Message) }

// Coordinate is a place; the distance of two is |Δlatitude| + |Δlongitude|.
type Coordinate struct {
	Latitude  int `json:"latitude"`
	Longitude int `json:"longitude"`
}

// Person is who registers as a user. All but the invitation code are required.
type Person struct {
	Username       string `json:"username"`
	Firstname      string `json:"firstname"`
	Lastname       string `json:"lastname"`
	DateOfBirth    string `json:"date_of_birth"`
	InvitationCode string `json:"invitation_code,omitempty"`
}

// User is a registered user.
type User struct {
	ID             string `json:"id"`
	InvitationCode string `json:"invitation_code"`
}

// RegisterUser registers a user, for whom the returned client acts.
func (c *Client) RegisterUser(ctx context.Context, p Person) (*Client, User, error) {
	return register[User](ctx, c, "/api/app/users", p)
}

// Owner is a registered owner.
type Owner struct {
	ID                 string `json:"id"`
	ChairRegisterToken string `json:"chair_register_token"` // lets chairs register
}

// RegisterOwner registers an owner, for whom the returned client acts.
func (c *Client) RegisterOwner(ctx context.Context, name string) (*Client, Owner, error) {
	return register[Owner](ctx, c, "/api/owner/owners", map[string]string{"name": name})
}

// Chair is a registered chair.
type Chair struct {
	ID      string `json:"id"`
	OwnerID string `json:"owner_id"`
}

// RegisterChair registers a chair with its owner's token, for which the returned client acts.
func (c *Client) RegisterChair(ctx context.Context, registerToken, name, model string) (*Client, Chair, error) {
	return register[Chair](ctx, c, "/api/chair/chairs", map[string]string{"name": name, "model": model, "chair_register_token": registerToken})
}

// register asks for the token in the body, so that no cookies are needed.
func register[T any](ctx context.Context, c *Client, path string, body any) (*Client, T, error) {
	var account T
	text, err := c.send(ctx, "POST", path, body, http.Header{"Isuride-Session": {"body"}})
	if err != nil {
		return nil, account, err
	}
	var session struct {
		AccessToken string `json:"access_token"`
	}
	for _, into := range []any{&account, &session} {
		if err := json.Unmarshal(text, into); err != nil {
			return nil, account, err
		}
	}
	return c.As(session.AccessToken), account, nil
}

// SetPaymentMethod registers the token that the payment gateway charges.
func (c *Client) SetPaymentMethod(ctx context.Context, token string) error {
	return c.do(ctx, "/api/app/payment-methods", map[string]string{"token": token})
}

type journey struct {
	Pickup      Coordinate `json:"pickup_coordinate"`
	Destination Coordinate `json:"destination_coordinate"`
}

// Estimate is what a ride would cost, in yen.
type Estimate struct {
	Fare     int `json:"fare"`
	Discount int `json:"discount"` // by a coupon; the fare is without it
}

// EstimateFare changes nothing.
func (c *Client) EstimateFare(ctx context.Context, pickup, destination Coordinate) (Estimate, error) {
	return call[Estimate](ctx, c, "POST", "/api/app/rides/estimated-fare", journey{pickup, destination})
}

// Requested is a ride that waits for a chair.
type Requested struct {
	RideID string `json:"ride_id"`
	Fare   int    `json:"fare"` // in yen
}

// RequestRide asks for a ride.
func (c *Client) RequestRide(ctx context.Context, pickup, destination Coordinate) (Requested, error) {
	return call[Requested](ctx, c, "POST", "/api/app/rides", journey{pickup, destination})
}

// Rate rates a ride that is ARRIVED with 1 to 5, and pays for it. It returns when the ride was
// completed, in milliseconds since 1970.
func (c *Client) Rate(ctx context.Context, rideID string, evaluation int) (completedAt int64, err error) {
	r, err := call[struct {
		CompletedAt int64 `json:"completed_at"`
	}](ctx, c, "POST", "/api/app/rides/"+url.PathEscape(rideID)+"/evaluation", map[string]int{"evaluation": evaluation})
	return r.CompletedAt, err
}

// CompletedRide is a ride of a user's history. Times are milliseconds since 1970.
type CompletedRide struct {
	ID          string     `json:"id"`
	Pickup      Coordinate `json:"pickup_coordinate"`
	Destination Coordinate `json:"destination_coordinate"`
	Fare        int        `json:"fare"`
	Chair       struct {
		ID    string `json:"id"`
		Owner string `json:"owner"` // the owner's name
		Name  string `json:"name"`
		Model string `json:"model"`
	} `json:"chair"`
	Evaluation  int   `json:"evaluation"`
	RequestedAt int64 `json:"requested_at"`
	CompletedAt int64 `json:"completed_at"`
}

// RideHistory lists the user's completed rides, the newest first.
func (c *Client) RideHistory(ctx context.Context) ([]CompletedRide, error) {
	r, err := call[struct{ Rides []CompletedRide }](ctx, c, "GET", "/api/app/rides", nil)
	return r.Rides, err
}

// NearbyChair is a free chair.
type NearbyChair struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Model   string     `json:"model"`
	Current Coordinate `json:"current_coordinate"`
}

// NearbyChairs lists free chairs up to a distance.
func (c *Client) NearbyChairs(ctx context.Context, at Coordinate, distance int) ([]NearbyChair, error) {
	query := url.Values{"latitude": {strconv.Itoa(at.Latitude)}, "longitude": {strconv.Itoa(at.Longitude)}, "distance": {strconv.Itoa(distance)}}
	r, err := call[struct{ Chairs []NearbyChair }](ctx, c, "GET", "/api/app/nearby-chairs?"+query.Encode(), nil)
	return r.Chairs, err
}

// OwnedChair is a chair in its owner's list. Times are milliseconds since 1970.
type OwnedChair struct {
	ID                     string `json:"id"`
	Name                   string `json:"name"`
	Model                  string `json:"model"`
	Active                 bool   `json:"active"`
	RegisteredAt           int64  `json:"registered_at"`
	TotalDistance          int64  `json:"total_distance"`
	TotalDistanceUpdatedAt int64  `json:"total_distance_updated_at"` // 0 if it never reported a position
}

// OwnerChairs lists the owner's chairs.
func (c *Client) OwnerChairs(ctx context.Context) ([]OwnedChair, error) {
	r, err := call[struct{ Chairs []OwnedChair }](ctx, c, "GET", "/api/owner/chairs", nil)
	return r.Chairs, err
}

// Sales are what an owner's chairs have earned, in yen.
type Sales struct {
	Total  int `json:"total_sales"`
	Chairs []struct {
		ID    string `json:"id"`
		Name  string `json:"name"`
		Sales int    `json:"sales"`
	} `json:"chairs"`
	Models []struct {
		Model string `json:"model"`
		Sales int    `json:"sales"`
	} `json:"models"`
}

// OwnerSales sums up the rides completed from one time to another, both inclusive and in
// milliseconds since 1970; an until of 0 is no limit.
func (c *Client) OwnerSales(ctx context.Context, since, until int64) (Sales, error) {
	query := url.Values{"since": {strconv.FormatInt(since, 10)}}
	if until != 0 {
		query.Set("until", strconv.FormatInt(until, 10))
	}
	return call[Sales](ctx, c, "GET", "/api/owner/sales?"+query.Encode(), nil)
}

// SetActivity has a chair begin or cease to take rides.
func (c *Client) SetActivity(ctx context.Context, active bool) error {
	return c.do(ctx, "/api/chair/activity", map[string]bool{"is_active": active})
}

// ReportPosition says where a chair is. It returns when that was recorded, in milliseconds
// since 1970.
func (c *Client) ReportPosition(ctx context.Context, at Coordinate) (recordedAt int64, err error) {
	r, err := call[struct {
		RecordedAt int64 `json:"recorded_at"`
	}](ctx, c, "POST", "/api/chair/coordinate", at)
	return r.RecordedAt, err
}

// AdvanceRide has a chair accept a ride (ENROUTE), or depart with the rider (CARRYING).
func (c *Client) AdvanceRide(ctx context.Context, rideID, status string) error {
	return c.do(ctx, "/api/chair/rides/"+url.PathEscape(rideID)+"/status", map[string]string{"status": status})
}

func (c *Client) do(ctx context.Context, path string, body any) error {
	_, err := c.send(ctx, "POST", path, body, nil)
	return err
}

func call[T any](ctx context.Context, c *Client, method, path string, body any) (answer T, err error) {
	text, err := c.send(ctx, method, path, body, nil)
	if err != nil {
		return answer, err
	}
	return answer, json.Unmarshal(text, &answer)
}

// send makes a call and returns the answer's body. Any status but 2xx is an *Error.
func (c *Client) send(ctx context.Context, method, path string, body any, header http.Header) ([]byte, error) {
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	answer, err := c.request(ctx, method, path, content, header)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return io.ReadAll(answer.Body)
}

// request returns an answer with a status of 2xx, whose body its caller closes.
func (c *Client) request(ctx context.Context, method, path string, content []byte, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.URL+path, bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/json")
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	answer, err := c.http().Do(req)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode/100 == 2 {
		return answer, nil
	}
	defer answer.Body.Close()
	return nil, refusal(answer)
}

// refusal reads an answer that is none of those hoped for.
func refusal(answer *http.Response) error {
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	e := Error{Status: answer.StatusCode}
	if json.Unmarshal(text, &e) != nil || e.Message == "" {
		e.Message = string(text)
	}
	if s, err := strconv.ParseUint(answer.Header.Get("Retry-After"), 10, 16); err == nil { // else it is missing, or a date, which this server does not send
		e.RetryAfter = time.Duration(s) * time.Second
	}
	return &e
}

func (c *Client) http() *http.Client {
	if c.HTTP != nil {
		return c.HTTP
	}
	return http.DefaultClient
}
