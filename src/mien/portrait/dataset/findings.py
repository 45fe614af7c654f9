"""What an audit finds beside single measures, and how it is said in English and Vietnamese. Finds nothing itself."""

from dataclasses import dataclass
from typing import Literal

from mien.portrait.rules import Language

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a folder, a file or several of them.

    Attributes:
        code: what it is, a key of KINDS.
        place: the folder or file, relative to the data set.
        others: the folders or files that belong to it.
        detail: a number or name that the sentence holds.
        certainty: 0 to 1; 1 for what is counted and compared rather than estimated.
    """

    code: str
    place: str
    others: tuple[str, ...] = ()
    detail: str = ""
    certainty: float = 1.0

    @property
    def severity(self) -> Severity:
        """How grave it is."""
        return KINDS[self.code].severity

    def says(self, language: Language) -> str:
        """The finding as a sentence."""
        kind = KINDS[self.code]
        text = kind.vi if language == "vi" else kind.en
        return text.format(place=self.place, others=", ".join(self.others), detail=self.detail)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of finding: its severity, its title and its sentence in both languages."""

    severity: Severity
    title_en: str
    title_vi: str
    en: str
    vi: str

    def title(self, language: Language) -> str:
        """What the kind is called."""
        return self.title_vi if language == "vi" else self.title_en


KINDS: dict[str, Kind] = {
    "missing-group": Kind(
        "error", "missing folder", "thiếu thư mục",
        "there is no folder of {detail}: make one beside the others",
        "không có thư mục {detail}: hãy tạo bên cạnh các thư mục khác",
    ),
    "unknown-folder": Kind(
        "error", "folder of neither group", "thư mục không thuộc nhóm nào",
        "{place} is neither adults nor children, and what is in it was not looked at: move or remove it",
        "{place} không phải người lớn cũng không phải trẻ em, nên không được xét: hãy chuyển hoặc xóa",
    ),
    "double-group": Kind(
        "error", "group in several folders", "một nhóm nằm ở nhiều thư mục",
        "{place} and {others} are the same group: merge them",
        "{place} và {others} là cùng một nhóm: hãy gộp lại",
    ),
    "twin-folder": Kind(
        "error", "identity in twin folders", "một người ở hai thư mục cùng tên",
        "{place} and {others} are the same name, written or encoded differently: merge them",
        "{place} và {others} là cùng một tên viết hoặc mã hóa khác nhau: hãy gộp lại",
    ),
    "both-groups": Kind(
        "error", "identity in both groups", "một tên ở cả hai nhóm",
        "{place} is under adults and under children ({others}): give two people two names, or choose one",
        "{place} ở cả người lớn và trẻ em ({others}): đặt tên khác cho hai người hoặc chọn một",
    ),
    "loose-image": Kind(
        "error", "image outside of an identity", "ảnh nằm ngoài thư mục danh tính",
        "{place} lies in no identity's folder: move it into one",
        "{place} không nằm trong thư mục danh tính nào: hãy chuyển vào",
    ),
    "stray-file": Kind(
        "warning", "file that is no image", "tệp không phải ảnh",
        "{place} is no image: remove it", "{place} không phải là ảnh: hãy xóa",
    ),
    "empty-folder": Kind(
        "error", "empty folder", "thư mục trống",
        "{place} holds no images: fill or remove it", "{place} không có ảnh: hãy thêm ảnh hoặc xóa",
    ),
    "nested-folder": Kind(
        "warning", "folder in an identity's folder", "thư mục lồng nhau",
        "{place} lies in an identity's folder; its images were counted for it: move them up",
        "{place} nằm trong thư mục danh tính; ảnh trong đó được tính cho người ấy: hãy chuyển ra ngoài",
    ),
    "unreadable-folder": Kind(
        "error", "folder that cannot be read", "thư mục không đọc được",
        "{place} cannot be read ({detail}): change its permissions",
        "{place} không đọc được ({detail}): hãy sửa quyền truy cập",
    ),
    "unreadable-image": Kind(
        "error", "image that cannot be read", "ảnh không đọc được",
        "{detail}", "{place} không đọc được: {detail}",
    ),
    "few-images": Kind(
        "error", "too few images of a person", "người có quá ít ảnh",
        "{place} has {detail} of the different images that it needs: add photographs",
        "{place} có {detail} ảnh khác nhau cần thiết: hãy thêm ảnh",
    ),
    "same-file": Kind(
        "error", "same file twice", "tệp trùng lặp",
        "{others} has the same bytes as {place}: remove it",
        "{others} giống hệt {place}: hãy xóa",
    ),
    "near-duplicate": Kind(
        "error", "same photograph twice", "cùng một bức ảnh",
        "{others} is the same photograph as {place}, saved, cut or sized anew: keep one",
        "{others} là cùng bức ảnh với {place}, chỉ lưu, cắt hoặc đổi cỡ lại: giữ một bản",
    ),
    "same-photo-two-people": Kind(
        "error", "same photograph under two people", "cùng bức ảnh ở hai người",
        "{place} and {others} are the same photograph under two people: find out whose it is",
        "{place} và {others} là cùng một bức ảnh ở hai người: hãy xác định là của ai",
    ),
    "unlike-others": Kind(
        "error", "image unlike the person's others", "ảnh không giống người trong thư mục",
        "{place} is unlike the other images of its person{detail}: look whether it is somebody else",
        "{place} không giống các ảnh khác của cùng người{detail}: hãy xem có phải người khác không",
    ),
    "two-people": Kind(
        "error", "two people in one folder", "hai người trong một thư mục",
        "{place} seems to hold two people ({detail} images): split it",
        "{place} có vẻ chứa hai người ({detail} ảnh): hãy tách ra",
    ),
    "one-person-twice": Kind(
        "error", "one person in two folders", "một người ở hai thư mục",
        "{place} and {others} look like one person: merge them if they are",
        "{place} và {others} trông như một người: hãy gộp nếu đúng",
    ),
    "age-contradiction": Kind(
        "error", "age and folder disagree", "tuổi và thư mục không khớp",
        "{place} is {detail} years old by the manifest, which outranks the folder: move it",
        "{place} là {detail} tuổi theo bảng kê, được ưu tiên hơn thư mục: hãy chuyển",
    ),
    "not-in-folder": Kind(
        "warning", "row of the manifest without an image", "dòng trong bảng kê không có ảnh",
        "{place} stands in the manifest and is not in the folder",
        "{place} có trong bảng kê nhưng không có trong thư mục",
    ),
}  # fmt: skip
"""A new kind is an entry here."""
