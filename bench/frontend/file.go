package frontend

// file is one of the contest's front end, with a made-up size in bytes.
type file struct {
	path string
	size int
}

// files has the paths of B appendix B. Their sizes are not known; these are such as a
// front end of this kind has: a React application built by Vite, with its framework in
// three large files, a chunk for each page, and drawings. A user's first page has 29
// files of 590 KB, its document aside.
var files = []file{
	{"/apple-touch-icon-180x180.png", 9000},
	{"/favicon-128x128.png", 6000},
	{"/favicon-32x32.png", 1400},
	{"/favicon.ico", 15086},
	{"/index.html", 2200},
	{"/images/buildings1.svg", 21000},
	{"/images/buildings2.svg", 17000},
	{"/images/buildings3.svg", 26000},
	{"/images/buildings4.svg", 14000},
	{"/images/buildings5.svg", 23000},
	{"/images/buildings6.svg", 19000},
	{"/images/house1.svg", 9000},
	{"/images/house2.svg", 11000},
	{"/images/top-bg.png", 240000},
	{"/images/top-logo.svg", 12000},
	{"/images/town.svg", 48000},
	{"/assets/api-base-url-Bd0x18OB.js", 120},
	{"/assets/api-components-DgMpz-fk.js", 7600},
	{"/assets/bundle-mjs-D696Ktp4.js", 21500},
	{"/assets/button-DHe0tzkt.js", 1100},
	{"/assets/chair-Cx-8j0kx.js", 2600},
	{"/assets/colors-Cz9etJt9.js", 900},
	{"/assets/components-_ai8hDOq.js", 104000},
	{"/assets/date-DNJZs1w0.js", 500},
	{"/assets/entry.client-BfhWLKSU.js", 142000},
	{"/assets/form-frame-BgIAhIei.js", 900},
	{"/assets/frame-Bic5m1D5.js", 700},
	{"/assets/get-cookie-value-B3QhECDc.js", 260},
	{"/assets/get-initial-data-qGqJ6iNh.js", 700},
	{"/assets/index-CjkqmHef.js", 6900},
	{"/assets/index-DuBgU-RG.js", 38000},
	{"/assets/isuride-CeNax5rh.js", 3800},
	{"/assets/jsx-runtime-56DGgGmo.js", 8100},
	{"/assets/manifest-5846e7f3.js", 5200},
	{"/assets/owner-context-Ctrsm4Uo.js", 1500},
	{"/assets/post-message-CeV05AYd.js", 900},
	{"/assets/price-C_gNXclQ.js", 300},
	{"/assets/rating-star-CxmVrKqX.js", 1300},
	{"/assets/responses-Cj0Mcwne.js", 200},
	{"/assets/root-7v2JfcGQ.css", 22000},
	{"/assets/root-vuO9zcn6.js", 2300},
	{"/assets/route-4HrUVwWj.js", 5200},
	{"/assets/route-B1npkEI6.js", 2400},
	{"/assets/route-BZ92MiP5.js", 6100},
	{"/assets/route-Bj4mUztN.js", 27000},
	{"/assets/route-CmfQ1HAg.js", 3300},
	{"/assets/route-CuO_qUMh.js", 900},
	{"/assets/route-CxQeUmfz.js", 11800},
	{"/assets/route-DLkCON8N.js", 2100},
	{"/assets/route-DXPqsvzr.js", 3600},
	{"/assets/route-Dk0NXvTW.js", 4600},
	{"/assets/route-DklRdtmj.js", 1900},
	{"/assets/route-PX4xi694.js", 2900},
	{"/assets/route-to4Z57hB.js", 2300},
	{"/assets/simulator-context-B0dmgbYF.js", 3100},
	{"/assets/storage-Kt-Acko2.js", 600},
	{"/assets/text-Bgy1vs9K.js", 900},
	{"/assets/types-CKT-9JpH.js", 330},
	{"/assets/user-context-2VraPoWf.js", 2100},
}
