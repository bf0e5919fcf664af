"""Prints as many templates as asked for, made from a seed: generate.py SEED NUMBER."""
import json
import random
import sys

r=random.Random(int(sys.argv[1])); N=int(sys.argv[2])
strs=["'a'","'B c'","'a,b,,c'","''","' x '","'12'","'-3.5'","'ab-cd_ef'","'Hello World'","'é'","'10'","'%s'","'a\\nb'","\"it's\"","'0x1f'","'AbC dEf'"]
def lit(d):
    k=r.random()
    if k<.35: return r.choice(strs)
    if k<.55: return r.choice(['0','1','2','3','7','-1','10','255','1000000'])
    if k<.65: return r.choice(['0.5','1.5','2.0','-2.5','3.14159','1e3','0.1'])
    if k<.72: return r.choice(['true','false','none'])
    if d<=0: return '1'
    if k<.84: return '['+', '.join(expr(d-1) for _ in range(r.randint(0,3)))+']'
    if k<.92: return '('+', '.join(expr(d-1) for _ in range(r.randint(2,3)))+')'
    return '{'+', '.join(r.choice(["'k'","'a'","'b'","1"])+': '+expr(d-1) for _ in range(r.randint(0,3)))+'}'
S=['lower()','upper()','strip()','title()','capitalize()','swapcase()','split()',"split(',')","split('-')","split(',', 1)","rsplit(',', 1)",'splitlines()','isdigit()','isalpha()','isalnum()','isupper()','islower()','isspace()','istitle()',"replace('a', 'zz')","replace('', '-')","find('b')","rfind('c')","count('b')","count('')","startswith('a')","endswith('c')",'zfill(6)','center(9)','ljust(6)',"rjust(7, '*')","partition('-')","rpartition(',')",'lstrip()','rstrip()',"strip('aB')","format(1)","join(['x','y'])","removeprefix('a')","removesuffix('c')",'casefold()','expandtabs(2)',"split(none)","isnumeric()","isidentifier()"]
D=['keys()','values()','items()',"get('k')","get('q', 5)","pop('k', 1)","copy()","setdefault('n', 2)"]
L=["count(1)","index(1)","copy()","pop()","append(4)"]
F=['abs','length','upper','lower','title','capitalize','trim','first','last','list','reverse','sort','unique','int','float','string','round','round(1)',"round(2, 'floor')",'join',"join(', ')",'sum','min','max','dictsort','items','batch(2)','slice(2)',"default('d')","default('d', true)","replace('a', 'b')",'indent',"indent(2, true)",'truncate(5)','truncate(3, true)','tojson','wordcount','center(8)','filesizeformat','urlencode',"map('upper')","map('int')","map('length')","map(attribute='k')","select","select('odd')","reject('none')","selectattr('k')","groupby('k')","map('first')","sort(reverse=true)","sort(attribute='k')","unique(true)","format(3)","map('string')","dictsort(by='value')","int(5)","float(2.5)","sum(start=1)","max(attribute='k')","list|length","map('default', 7)","list|first", "reverse|list","dictsort|list", "batch(2)|list","slice(2)|list","map('upper')|list","select|list","unique|list","items|list"]
T=['defined','none','string','number','integer','float','boolean','mapping','sequence','iterable','odd','even','true','false','lower','upper','callable',"divisibleby(2)","eq 1","in [1, 2]","ne 'a'","gt 1","sameas none","not none", "not string"]
def expr(d):
    if d<=0: return lit(0)
    k=r.random()
    if k<.15: return lit(d)
    if k<.35: return paren(d-1)+'.'+r.choice(r.choice([S,S,D,L]))
    if k<.60: return paren(d-1)+'|'+r.choice(F)
    if k<.72: return binary(d-1,r.choice(['+','-','*','/','//','%','~','~']))
    if k<.80: return expr(d-1)+' '+r.choice(['==','!=','<','>=','in','not in','and','or'])+' '+paren(d-1)
    if k<.85: return '('+expr(d-1)+' is '+r.choice(T)+')'
    if k<.92: return paren(d-1)+r.choice(['[0]','[-1]','[1:]','[::-1]',"['k']",'.k','[:2]','[5]','[-2:]'])
    if k<.96: return '('+expr(d-1)+' if '+expr(d-1)+' else '+expr(d-1)+')'
    return 'not '+paren(d-1)
# One side of a product is small: repeated text, times itself at each depth, would otherwise fill the memory.
def binary(d,op):
    if op!='*': return expr(d)+' '+op+' '+paren(d)
    small=r.choice(['0','1','2','3','-1','0.5','true',"'ab'"])
    if small=="'ab'": return small+' * '+r.choice(['0','2','3'])
    sides=[small,'('+expr(d)+')']
    r.shuffle(sides)
    return ' * '.join(sides)
def paren(d):
    e=expr(d)
    return e if r.random()<.3 else '('+e+')'
for i in range(N):
    t='{{ '+expr(r.randint(1,4))+' }}'
    if r.random()<.15: t='{% for x in '+expr(2)+' %}{{ x }}{{ loop.index }}{% if not loop.last %},{% endif %}{% else %}none{% endfor %}'
    if r.random()<.1: t='{% set v = '+expr(2)+' %}{% if v %}{{ v }}{% elif '+expr(2)+' %}B{% else %}C{% endif %}'
    print(json.dumps({"template":t},ensure_ascii=False))
