package main

import "slices"

// models are those that a chair may be of, by speed in cells a tick (B appendix A).
var models = map[int][]string{
	2: {
		"リラックスシート NEO", "エアシェル ライト", "チェアエース S", "スピンフレーム 01", "ベーシックスツール プラス",
		"SitEase", "ComfortBasic", "EasySit", "LiteLine", "リラックス座",
	},
	3: {
		"エルゴクレスト II", "フォームライン RX", "シェルシート ハイブリッド", "リカーブチェア スマート", "フレックスコンフォート PRO",
		"ErgoFlex", "BalancePro", "StyleSit", "風雅（ふうが）チェア", "AeroSeat",
		"ゲーミングシート NEXUS", "プレイスタイル Z", "ストリームギア S1", "クエストチェア Lite", "エアフロー EZ",
	},
	5: {
		"アルティマシート X", "ゼンバランス EX", "プレミアムエアチェア ZETA", "モーションチェア RISE", "インペリアルクラフト LUXE",
		"LuxeThrone", "ZenComfort", "Infinity Seat", "雅楽座", "Titanium Line",
		"プロゲーマーエッジ X1", "スリムライン GX", "フューチャーチェア CORE", "シャドウバースト M", "ステルスシート ROGUE",
	},
	7: {
		"ナイトシート ブラックエディション", "フューチャーステップ VISION", "匠座 PRO LIMITED", "ルミナスエアクラウン", "エコシート リジェネレイト",
		"ShadowEdition", "Phoenix Ultra", "匠座（たくみざ）プレミアム", "Aurora Glow", "Legacy Chair",
		"インフィニティ GEAR V", "ゼノバース ALPHA", "タイタンフレーム ULTRA", "ヴァーチェア SUPREME", "オブシディアン PRIME",
	},
}

// speedOf is 0 for an unknown model.
func speedOf(model string) int {
	for speed, names := range models {
		if slices.Contains(names, model) {
			return speed
		}
	}
	return 0
}
