package world

import "math/rand/v2"

// A chairModel is a kind of chair. Code only makes chair names (B5.2).
type chairModel struct {
	name, code string
	speed      int // greatest Manhattan distance per tick
}

// speedClasses are the speeds there are, in the order in which all owners buy them
// (B6.6). The official tool draws the order from a generator with a fixed seed (B2.6), so
// it is one and the same in all its runs. Slowest first is inferred: of the 24 orders
// only those that begin with 2, 3 come close to the runs of appendix D which depend on it
// (39,116 points with 100 ms per call: the median of seeds is 40,600 for this order, and
// 41,100 to 45,600 for those that begin otherwise).
var speedClasses = [...]int{2, 3, 5, 7}

// modelsOf returns the models of one speed (B appendix A).
func modelsOf(speed int) []chairModel {
	switch speed {
	case 2:
		return []chairModel{
			{"リラックスシート NEO", "RS-NEO01", 2}, {"エアシェル ライト", "AS-LT02", 2}, {"チェアエース S", "CA-S03", 2},
			{"ベーシックスツール プラス", "BS-PL04", 2}, {"SitEase", "SE-05", 2}, {"スピンフレーム 01", "SF-01", 2},
			{"LiteLine", "LL-06", 2}, {"リラックス座", "RZ-07", 2}, {"EasySit", "ES-08", 2}, {"ComfortBasic", "CB-09", 2},
		}
	case 3:
		return []chairModel{
			{"フォームライン RX", "FL-RX10", 3}, {"StyleSit", "SS-11", 3}, {"エルゴクレスト II", "EC-II12", 3},
			{"クエストチェア Lite", "QC-L13", 3}, {"AeroSeat", "AS-14", 3}, {"エアフロー EZ", "AF-EZ15", 3},
			{"ゲーミングシート NEXUS", "GS-NX16", 3}, {"シェルシート ハイブリッド", "SS-HY17", 3},
			{"フレックスコンフォート PRO", "FC-P18", 3}, {"プレイスタイル Z", "PS-Z19", 3}, {"ストリームギア S1", "SG-S120", 3},
			{"リカーブチェア スマート", "RC-SM21", 3}, {"ErgoFlex", "EF-22", 3}, {"BalancePro", "BP-23", 3},
			{"風雅（ふうが）チェア", "FG-C24", 3},
		}
	case 5:
		return []chairModel{
			{"ゼンバランス EX", "ZB-EX25", 5}, {"シャドウバースト M", "SB-M26", 5}, {"フューチャーチェア CORE", "FC-CR27", 5},
			{"プレミアムエアチェア ZETA", "PA-Z28", 5}, {"プロゲーマーエッジ X1", "PE-X129", 5},
			{"モーションチェア RISE", "MC-R30", 5}, {"雅楽座", "GA-31", 5}, {"スリムライン GX", "SL-GX32", 5},
			{"Infinity Seat", "IS-33", 5}, {"LuxeThrone", "LT-34", 5}, {"Titanium Line", "TL-35", 5},
			{"ZenComfort", "ZC-36", 5}, {"アルティマシート X", "US-X37", 5}, {"インペリアルクラフト LUXE", "IC-LX38", 5},
			{"ステルスシート ROGUE", "SS-R39", 5},
		}
	case 7:
		return []chairModel{
			{"エコシート リジェネレイト", "ES-RG40", 7}, {"フューチャーステップ VISION", "FS-V41", 7},
			{"インフィニティ GEAR V", "IG-V42", 7}, {"オブシディアン PRIME", "OP-43", 7},
			{"ナイトシート ブラックエディション", "NS-BE44", 7}, {"ShadowEdition", "SE-45", 7}, {"Phoenix Ultra", "PU-46", 7},
			{"タイタンフレーム ULTRA", "TF-U47", 7}, {"Legacy Chair", "LC-48", 7}, {"ルミナスエアクラウン", "LA-C49", 7},
			{"ヴァーチェア SUPREME", "VC-S50", 7}, {"匠座 PRO LIMITED", "TZ-PL51", 7}, {"匠座（たくみざ）プレミアム", "TZ-P52", 7},
			{"ゼノバース ALPHA", "ZB-A53", 7}, {"Aurora Glow", "AG-54", 7},
		}
	}
	panic("BUG: no such speed class")
}

// modelsPerSpeed is the number of models of one speed that an owner buys (B6.1).
const modelsPerSpeed = 3

// pickModels chooses the models of one speed an owner will ever buy, all different.
func pickModels(r *rand.Rand, speed int) [modelsPerSpeed]chairModel {
	all := modelsOf(speed)
	var picked [modelsPerSpeed]chairModel
	for i, j := range r.Perm(len(all))[:modelsPerSpeed] {
		picked[i] = all[j]
	}
	return picked
}

// SpeedOf returns the speed of a chair model, for servers in the same process.
func SpeedOf(model string) (speed int, ok bool) {
	for _, s := range speedClasses {
		for _, m := range modelsOf(s) {
			if m.name == model {
				return s, true
			}
		}
	}
	return 0, false
}
