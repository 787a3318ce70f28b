package world

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// usernameStems are the readable part of user names; what makes them unique is their
// number.
var usernameStems = strings.Fields(`
	Amber Ashford Barley Beacon Birchwood Bramble Brook Calder Cedar Clover Copper Coral Crane Dale Dapple Ember Falcon
	Fern Finch Flint Garnet Glen Harbour Hazel Heath Heron Hollow Indigo Iris Ivory Jasper Juniper Kestrel Lantern Larch
	Laurel Lichen Linden Lupin Maple Marlow Meadow Merlin Mistral Moss Nettle Oakley Olive Onyx Opal Orchard Osprey Otter
	Pebble Pine Plover Poppy Quartz Quill Raven Reed Ridge Robin Rowan Saffron Sage Sandpiper Sorrel Sparrow Spruce Sterling
	Swift Tamarind Tansy Teal Thistle Thorn Umber Vale Vesper Violet Walnut Wheatear Willow Winter Wren Yarrow Zephyr`)

var familyNames = strings.Fields(`
	青木 秋山 浅野 安達 荒川 飯田 池上 石橋 泉 磯部 今村 岩崎 上原 内海 榎本 遠藤 大久保 大橋 岡部 小川 奥村 尾崎 柏木 梶原 片山
	金沢 神谷 川口 河村 北川 木下 桐山 久保田 熊谷 黒田 小泉 小松 近江 斉木 坂井 榊原 桜庭 沢田 塩谷 篠原 柴崎 島村 清川 白石
	杉浦 須藤 関口 園田 高瀬 滝沢 竹原 谷口 玉置 千葉 塚本 津田 寺島 戸田 中沢 永井 名取 西川 新田 野村 萩原 橋口 畑中 浜田
	原口 東山 平松 広瀬 深田 藤沢 堀内 本間 前川 牧野 町田 松浦 三浦 水野 宮崎 村瀬 森川 八木 柳田 山岸 湯浅 横井 吉岡 和久 渡瀬`)

var givenNames = strings.Fields(`
	葵 明里 朝子 敦 綾香 樹 一郎 歩 恵理 修 薫 和樹 香織 克也 要 健太 研二 浩一 光 貴子 咲 慧 早紀 静香 俊介 潤 翔 真一 進 澄子
	聖 大輔 貴之 拓海 巧 千夏 司 翼 哲也 冬馬 透 朋美 直樹 夏希 菜々 信夫 望 遥 春樹 久美 瞳 秀明 宏 風香 文雄 穂 誠 真央 雅人
	実 美咲 瑞穂 緑 昌代 萌 裕子 結衣 陽介 良平 怜 涼 玲奈 若葉 渉 航 桂子 樹里 渚 友香 律`)

// ownerNames differ from those of the contest's initial data (B appendix A).
var ownerNames = strings.Fields(`
	丘の上椅子商会 みなと座具 木洩れ日チェア 走る腰掛社 四本脚工房 白樺チェアワークス 夕凪シート 風車いす交通 ひだまり座席
	Quiet-Oak-Seating RollingStool Harbor-Chairs Perch-and-Go Ottoman-Lines Cloudrest`)

// usernameNumbers is the size of the space of user numbers. It is a power of ten, so the
// numbers look alike, and the step is coprime to it, so counting up by the step meets
// each number once.
const (
	usernameNumbers = 1_000_000
	usernameStep    = 618_033
)

// username is different for each of the first million users, whatever their stems. The
// official tool draws four digits at random and its names collide (B4.1); six digits
// cannot meet a name of the initial data either.
func username(r *rand.Rand, start, index int) string {
	n := (start + index*usernameStep) % usernameNumbers
	return fmt.Sprintf("%s%06d", pick(r, usernameStems), n)
}

func pick(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }

// newProfile draws everything about a user but the invitation code.
func newProfile(r *rand.Rand, start, index int) UserProfile {
	return UserProfile{
		Username:    username(r, start, index),
		Firstname:   pick(r, givenNames),
		Lastname:    pick(r, familyNames),
		DateOfBirth: birthDate(r),
	}
}

// birthDate is even over 1954-01-01 to 2006-12-31 (B4.1).
func birthDate(r *rand.Rand) string {
	first := time.Date(1954, time.January, 1, 0, 0, 0, 0, time.UTC)
	last := time.Date(2006, time.December, 31, 0, 0, 0, 0, time.UTC)
	days := int(last.Sub(first) / (24 * time.Hour))
	return first.AddDate(0, 0, between(r, 0, days)).Format(time.DateOnly)
}

// paymentToken is 100 random letters (B4.1).
func paymentToken(r *rand.Rand) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	token := make([]byte, 100)
	for i := range token {
		token[i] = letters[r.IntN(len(letters))]
	}
	return string(token)
}

// chairName may occur twice (B5.2).
func chairName(r *rand.Rand, m chairModel) string {
	return fmt.Sprintf("%s-%d", m.code, between(r, 0, 9999))
}
