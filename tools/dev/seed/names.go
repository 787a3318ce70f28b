package main

// Word lists to build names from.

var ownerNames = []string{"北風チェア工房", "Harbor Seats", "三日月椅子店", "Quiet Wheels", "ななかまど製作所"}

var lastnames = []string{
	"青柳", "浅井", "飯島", "磯部", "岩瀬", "榎本", "大槻", "岡部", "小野寺", "柏木", "川端", "菊地", "熊谷", "黒川", "郡司",
	"笹本", "塩谷", "志村", "須藤", "瀬川", "高梨", "滝沢", "竹中", "戸田", "中井", "西岡", "野口", "長谷", "平山", "福永",
	"堀江", "牧野", "三浦", "村瀬", "望月", "矢島", "湯浅", "横田", "若林", "渡部", "O'Hara", "D'Arcy",
}

var firstnames = []string{
	"葵", "晶", "郁美", "一馬", "栄太", "薫", "香織", "希", "京子", "弘樹", "小百合", "早紀", "静香", "俊介", "忍", "すみれ",
	"聡", "空", "大地", "千尋", "翼", "透", "夏海", "直人", "伸一", "春菜", "光", "文香", "真琴", "美月", "恵", "康平",
	"優", "陽菜", "蓮", "わかな",
}

var usernames = []string{
	"Acorn", "Anchor", "Aspen", "Badger", "Beacon", "Birch", "Bramble", "Canyon", "Cedar", "Clover", "Comet", "Coral",
	"Cricket", "Dune", "Ember", "Falcon", "Fern", "Fjord", "Garnet", "Glacier", "Harvest", "Hazel", "Heron", "Indigo",
	"Island", "Jasper", "Juniper", "Kestrel", "Lagoon", "Lantern", "Larch", "Magnet", "Maple", "Meadow", "Nectar",
	"Nimbus", "Oasis", "Orchid", "Otter", "Pebble", "Pepper", "Quartz", "Quill", "Raven", "Ripple", "Saffron", "Sparrow",
	"Summit", "Thicket", "Tundra", "Umber", "Velvet", "Violet", "Walnut", "Willow", "Yarrow", "Zephyr",
}

var chairPrefixes = []string{"AKI", "BRZ", "CUM", "DRY", "EVE", "FOG", "GAL", "HAZ", "ICE", "JUL", "KAZ", "LUX", "MOS", "NOR"}
