# What the brief's Airflow task does with its two hooks: fetch a whole table into memory, then insert it row by row with one
# statement each, committing every thousand rows. Run by the bench; the last line says what was measured.
import sys
import time
from urllib.parse import urlparse

import psycopg2
import pymysql

tables = dict(line.split("\t") for line in sys.argv[3:])
source, target = urlparse(sys.argv[1]), urlparse(sys.argv[2])
mysql = pymysql.connect(host=source.hostname, port=source.port, user=source.username, password=source.password or "",
                        database=source.path.lstrip("/"))
postgres = psycopg2.connect(host=target.hostname, port=target.port, user=target.username, password=target.password or "",
                            dbname=target.path.lstrip("/"))
began = time.time()
for name, columns in tables.items():
    with mysql.cursor() as cursor:
        cursor.execute(f"select {columns} from {name}")
        rows = cursor.fetchall()
    postgres.autocommit = False
    with postgres.cursor() as cursor:
        for i, row in enumerate(rows, 1):
            values = tuple(row)
            cursor.execute(f"insert into {name.lower()} values ({','.join(['%s'] * len(values))})", values)
            if i % 1000 == 0:
                postgres.commit()
    postgres.commit()
print(f"measured {time.time() - began:.3f}")
