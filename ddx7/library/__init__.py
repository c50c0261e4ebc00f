"""Many voices: folders of banks as one array, each sound once."""

from ddx7.library.canonical import canonical as canonical
from ddx7.library.canonical import sound_key as sound_key
from ddx7.library.categories import CATEGORIES as CATEGORIES
from ddx7.library.categories import categories_of_name as categories_of_name
from ddx7.library.collection import Collection as Collection
from ddx7.library.collection import Source as Source
from ddx7.library.collection import scan as scan
from ddx7.library.files import Problem as Problem
from ddx7.library.files import VoiceFile as VoiceFile
from ddx7.library.files import find_files as find_files
