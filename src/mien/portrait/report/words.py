"""What reports and the terminal say, in English and Vietnamese. Owns wording alone."""

from mien.portrait.rules import Language

WORDS: dict[str, tuple[str, str]] = {
    "title": ("Audit of {0}", "Kiểm tra {0}"),
    "kept": ("The data set keeps its requirement.", "Bộ dữ liệu đạt yêu cầu."),
    "not-kept": ("The data set does not keep its requirement.", "Bộ dữ liệu chưa đạt yêu cầu."),
    "rules-are": ("Rules: {0}.", "Bộ quy tắc: {0}."),
    "images-of-people": ("{0} images of {1} people", "{0} ảnh của {1} người"),
    "accepted": (
        "{0} of {1} images keep every rule of severity error, are no copies and are not doubtful",
        "{0} trên {1} ảnh đạt mọi quy tắc bắt buộc, không trùng lặp và không nghi ngờ nhãn",
    ),
    "enough": ("{0} of {1} people have at least {2} such images", "{0} trên {1} người có ít nhất {2} ảnh như vậy"),
    "unreadable": ("{0} files cannot be read", "{0} tệp không đọc được"),
    "no-face": ("in {0} images no face was found", "{0} ảnh không tìm thấy khuôn mặt"),
    "structure-errors": ("{0} errors of structure, copies and labels", "{0} lỗi cấu trúc, trùng lặp và nhãn"),
    "rules": ("Rules", "Quy tắc"),
    "rule": ("rule", "quy tắc"), "limit": ("limit", "giới hạn"), "severity": ("severity", "mức độ"),
    "error": ("error", "lỗi"), "warning": ("warning", "cảnh báo"), "note": ("note", "ghi chú"),
    "pass": ("pass", "đạt"), "fail": ("fail", "không đạt"), "not assessed": ("not assessed", "không đánh giá"),
    "findings": ("Structure, copies and labels", "Cấu trúc, trùng lặp và nhãn"),
    "finding": ("finding", "phát hiện"), "count": ("count", "số lượng"), "examples": ("examples", "ví dụ"),
    "and-more": ("and {0} more in report.json", "và {0} mục khác trong report.json"),
    "balance": ("Balance", "Cân bằng"), "group": ("group", "nhóm"), "share": ("share (95%)", "tỉ lệ (95%)"),
    "wanted": ("wanted", "yêu cầu"), "unknown": ("not known", "không rõ"), "of": ("of", "theo"),
    "people": ("people", "người"), "images": ("images", "ảnh"),
    "sex": ("sex", "giới tính"), "age": ("age", "tuổi"),
    "male": ("male", "nam"), "female": ("female", "nữ"), "adult": ("over {0}", "trên {0} tuổi"),
    "child": ("{0} and under", "{0} tuổi trở xuống"),
    "collect": ("What to collect", "Cần thu thập thêm"),
    "collect-none": ("Nobody is missing for the balance.", "Không thiếu ai để cân bằng."),
    "collect-unknown": (
        "It is not known of whom there are too few: give a manifest with sex, or birth and capture dates.",
        "Chưa biết thiếu nhóm nào: hãy cung cấp bảng kê có giới tính hoặc ngày sinh và ngày chụp.",
    ),
    "more-images": (
        "{0} more images, so that each of {1} people has {2} different ones",
        "thêm {0} ảnh để mỗi người trong {1} người có {2} ảnh khác nhau",
    ),
    "more": ("{0} more {1}", "thêm {0} {1}"),
    "boys": ("boys of {0} and under", "bé trai từ {0} tuổi trở xuống"),
    "girls": ("girls of {0} and under", "bé gái từ {0} tuổi trở xuống"),
    "men": ("men and boys over {0}", "nam trên {0} tuổi"), "women": ("women and girls over {0}", "nữ trên {0} tuổi"),
    "children": ("children of {0} and under", "trẻ em từ {0} tuổi trở xuống"),
    "grown": ("people over {0}", "người trên {0} tuổi"),
    "males": ("males", "nam"), "females": ("females", "nữ"),
    "distributions": ("Distributions", "Phân bố"),
    "worst": ("Worst images", "Ảnh kém nhất"),
    "labels": ("Labels to look at", "Nhãn cần xem lại"),
    "labels-note": (
        "Ordered by how sure it is. Each pair shows the doubtful image and the one that it is compared with.",
        "Xếp theo độ chắc chắn. Mỗi cặp gồm ảnh nghi ngờ và ảnh được so sánh.",
    ),
    "copies": ("Same photographs", "Ảnh trùng"),
    "certainty": ("certainty", "độ chắc chắn"),
    "why-not": ("Why some rules were not assessed", "Vì sao một số quy tắc không được đánh giá"),
    "estimated": (
        "Ages and sexes come from folders and the manifest; nothing was guessed from pixels.",
        "Tuổi và giới tính lấy từ thư mục và bảng kê; không đoán từ ảnh.",
    ),
    "at-least": ("at least {0}", "ít nhất {0}"), "at-most": ("at most {0}", "nhiều nhất {0}"),
    "between": ("{0} to {1}", "{0} đến {1}"), "overall": ("overall quality", "chất lượng chung"),
    "passed": ("The portrait keeps the rules.", "Ảnh đạt yêu cầu."),
    "failed": ("The portrait does not keep the rules.", "Ảnh chưa đạt yêu cầu."),
}  # fmt: skip


def say(key: str, language: Language, *values: object) -> str:
    """A phrase in a language, with values put in; whole numbers get their thousands marked."""
    en, vi = WORDS[key]
    shown = [_number(value, language) if isinstance(value, int) else value for value in values]
    return (vi if language == "vi" else en).format(*shown)


def _number(value: int, language: Language) -> str:
    return f"{value:,}".replace(",", ".") if language == "vi" else f"{value:,}"


def group_name(name: str, language: Language, child_age: int) -> str:
    """What a sex or an age group is called."""
    return say(name, language, child_age) if name in WORDS else name


def collect_name(sex: str, age: str, language: Language, child_age: int) -> str:
    """What people of a sex and an age are called."""
    key = {
        ("male", "child"): "boys", ("female", "child"): "girls",
        ("male", "adult"): "men", ("female", "adult"): "women",
        ("", "child"): "children", ("", "adult"): "grown", ("male", ""): "males", ("female", ""): "females",
    }.get((sex, age))  # fmt: skip
    return say(key, language, child_age) if key else f"{sex} {age}".strip()


UNITS = {"times": "lần", "degrees": "độ", "levels": "mức", "bits": "bit"}
"""Units that are words, in Vietnamese."""


def unit_name(unit: str, language: Language) -> str:
    """A unit in a language."""
    return UNITS.get(unit, unit) if language == "vi" else unit


def limit(least: float | None, most: float | None, unit: str, language: Language) -> str:
    """Limits of a rule."""
    tail = f" {unit_name(unit, language)}" if unit else ""
    if least is None:
        return say("at-most", language, f"{most:g}") + tail
    if most is None:
        return say("at-least", language, f"{least:g}") + tail
    return say("between", language, f"{least:g}", f"{most:g}") + tail
