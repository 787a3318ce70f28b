package isuride

import (
	"strconv"
	"strings"
)

// Coupon codes and amounts of S4.2.
const (
	SignupCode = "CP_NEW2024"

	signupDiscount = 3000
	inviteDiscount = 1500
	rewardDiscount = 1000

	invitePrefix = "INV_"
	rewardPrefix = "RWD_"

	// MaxInvitations bounds the uses of one invitation code.
	MaxInvitations = 3
)

// SignupCoupon returns the coupon of every new user.
func SignupCoupon(userID string, at Time) Coupon {
	return Coupon{UserID: userID, Code: SignupCode, Discount: signupDiscount, CreatedAt: at}
}

// InviteCoupon returns the coupon for registering with an invitation code.
func InviteCoupon(userID, invitationCode string, at Time) Coupon {
	return Coupon{UserID: userID, Code: invitePrefix + invitationCode, Discount: inviteDiscount, CreatedAt: at}
}

// RewardCoupon returns the inviter's coupon. The grant time is part of the key, so it
// must differ in milliseconds between the rewards of one inviter.
func RewardCoupon(inviterID, invitationCode string, at Time) Coupon {
	code := rewardPrefix + invitationCode + "_" + strconv.FormatInt(at.Milli(), 10)
	return Coupon{UserID: inviterID, Code: code, Discount: rewardDiscount, CreatedAt: at}
}

// InvitationOf returns the complete invitation code that an invitee's coupon carries, or
// "" for any other coupon.
func InvitationOf(couponCode string) string {
	code, ok := strings.CutPrefix(couponCode, invitePrefix)
	if !ok {
		return ""
	}
	return code
}

// NextCoupon returns the index in coupons, which are in grant order, of the coupon that
// the next ride consumes, or -1 (S4.6). preferSignup is set for a user's first ride and
// for estimates.
func NextCoupon(coupons []Coupon, preferSignup bool) int {
	oldest := -1
	for i := range coupons {
		if coupons[i].UsedBy != "" {
			continue
		}
		if oldest < 0 {
			oldest = i
		}
		if preferSignup && coupons[i].Code == SignupCode {
			return i
		}
	}
	return oldest
}
