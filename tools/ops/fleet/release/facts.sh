# Prints what there is: KEY VALUE lines.
echo "machine $(uname -m)"
cat "$webapp/.setup" 2>/dev/null || true
for link in current previous .replaced .replacing; do
	if target=$(readlink "$webapp/$link"); then
		echo "${link#.} ${target##*/}"
	fi
done
if [[ -e $webapp/current/manifest ]]; then
	awk '{ print "phase " $2 }' "$webapp/current/manifest" | sort -u
fi
for folder in "$releases"/*/; do
	[[ -e $folder/manifest ]] && echo "release $(basename "$folder")"
done
echo "journal $(journals)"
echo "data $(kind)"
[[ ! -e $webapp/.founding ]] || echo "founding yes"
sed -n 's/^Environment=ISURIDE_REPLICAS=//p' "$webapp/current/files/etc/systemd/system/isuride-go.service" 2>/dev/null |
	tr ',' '\n' | sed -n 's/^\([^=]*\)=.*/member \1/p' || true
if [[ -x $root/usr/sbin/mariadbd ]]; then
	echo "database mariadb"
elif [[ -x $root/usr/sbin/mysqld ]]; then
	echo "database mysql"
fi
if [[ -e $webapp/public/index.html ]]; then
	echo "public yes"
fi
for dump in 3-initial-data.sql.gz 3-initial-data.sql; do
	if [[ -e $webapp/sql/$dump ]]; then
		echo "dump $dump"
		break
	fi
done
true
