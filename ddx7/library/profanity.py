"""Profanity in names of voices, however it is spaced or spelt."""

import codecs
import re

# Stems of slurs, obscenities and other unwelcome words, in ROT13 so that they are unreadable here. Short ones count
# only as whole words.
_ANYWHERE = """
    ahqr anmv avccyr avtre avttn avttre betl betnfz cbba cbea cevpx chff chffl chggnan chgn chgnva cnrqb cnxv
    craqrwb cravf crqb cvff cvzc dhrre dhvz encr encvfg ergneq erpghz fchax fcnfgvp fcrez fcvp fgebam fhvpvq
    fjnfgvx fnybcr fpebg fpebghz fpurvff fpuybat frk frzra funt furznyr fuvg fyhg fynt fzhg gbffre genaal gheq
    gjng greebevf gvgf gvggl ihyin inssna intvan jbt jnax jrgonpx juber jvpuf nefpuy nefr nffshpx nffubyr
    nobegvba obare obbo obyybpx ohttre onfgneq ovgpu pbba pbpx penc phaavy phag pnmmb pnoeba puvax pyvg qlxr
    qvpx qvyqb raphy rarzn rwnphy sbgmr shpx shx snttbg srgvfu srypu sryyng tbbx tbyyvjbt tlcb trabpvq ubeal
    ubybpnhfg ubzb uher uvgyre vaprfg wbqre wrexbss wvfz wvmm wvunq xabo xhejn xnssve xvxr xxx ylapu yrfob
    zbyrfg zhss znfgheo zreqr zvreqn
    """
_ALONE = """
    arteb artre cbb chgr crr fynir gneq gvg nahf nany nff nob ohgg ohz ovgr pba pbab pevc phy phz qnza qrnq qvr
    sneg snt svpx tlc tvzc ubr ungr uryy wnc xhg xvyy yhy
    """

_LOOKALIKES = str.maketrans("0134578@$!|", "OIEASTBASIL")


def is_profane(name: str) -> bool:
    """Whether a name contains profanity, also across words, with digits for letters, or with repeated letters.

    >>> is_profane("WARM STRGS")
    False
    """
    words = re.findall("[A-Z]+", name.upper().translate(_LOOKALIKES))
    joined = "".join(words)
    forms = {joined, re.sub(r"(.)\1+", r"\1", joined), re.sub(r"(.)\1+", r"\1\1", joined)}
    return any(stem in form for form in forms for stem in _STEMS) or any(word in _WORDS for word in words)


def _read(text: str) -> frozenset[str]:
    return frozenset(codecs.decode(text, "rot13").upper().split())


_STEMS, _WORDS = _read(_ANYWHERE), _read(_ALONE)
