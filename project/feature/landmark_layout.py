"""Which landmark stands where: the one table that corpora, features, augmentations and pictures share.

A body in one frame is 543 points of three coordinates, in the order of MediaPipe Holistic: x to the right of the
picture, y down, z away from the viewer; "left" and "right" are the signer's own. It does not know what a point means.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

NUM_POINTS: Final = 543
# Block -> its points, [start, end).
BLOCKS: Final[Mapping[str, slice]] = {
    "pose": slice(0, 33),
    "face": slice(33, 501),
    "left_hand": slice(501, 522),
    "right_hand": slice(522, 543),
}
NOSE, LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_WRIST, RIGHT_WRIST = 0, 11, 12, 15, 16  # of the pose
HAND_WRIST, KNUCKLES = 0, (5, 9, 13, 17)  # of a hand: where index, middle, ring and little finger begin
# Of a hand: the points of thumb, index, middle, ring and little finger, from the palm to the tip.
FINGERS: Final = ((1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12), (13, 14, 15, 16), (17, 18, 19, 20))
# Hands' bones, as pairs of points: along the thumb and the four fingers, and across the palm.
HAND_BONES: Final = (
    *((0, 1), (1, 2), (2, 3), (3, 4), (0, 5), (5, 6), (6, 7), (7, 8), (5, 9), (9, 10), (10, 11), (11, 12)),
    *((9, 13), (13, 14), (14, 15), (15, 16), (13, 17), (0, 17), (17, 18), (18, 19), (19, 20)),
)
# The pose's bones that a picture of a signer shows, as pairs of points: shoulders, arms, trunk.
POSE_BONES: Final = ((11, 12), (11, 13), (13, 15), (12, 14), (14, 16), (11, 23), (23, 24), (24, 12))
# Of the face, a few lines through points, closed where the last is the first: outline, brows, eyes, nose, lips.
FACE_LINES: Final = (
    (10, 332, 389, 323, 397, 400, 152, 176, 172, 93, 162, 103, 10),
    *((70, 105, 107), (336, 334, 300), (33, 159, 133, 145, 33), (362, 386, 263, 374, 362), (168, 4)),
    (61, 40, 37, 267, 270, 291, 321, 314, 84, 91, 61),
)

_POSE_PAIRS = (
    *((1, 4), (2, 5), (3, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16)),
    *((17, 18), (19, 20), (21, 22), (23, 24), (25, 26), (27, 28), (29, 30), (31, 32)),
)
# Points of the face that are each other's mirror image; the 28 that are missing lie in the middle. Found by matching
# the mean face of 16 recorded signers with its reflection: the matching is its own inverse.
_FACE_PAIRS = """
3-248 7-249 20-250 21-251 22-252 23-253 24-254 25-255 26-256 27-257 28-258 29-259 30-260 31-261 32-262 33-263 34-264
35-265 36-266 37-267 38-268 39-269 40-270 41-271 42-272 43-273 44-274 45-275 46-276 47-277 48-278 49-279 50-280 51-281
52-282 53-283 54-284 55-285 56-286 57-287 58-288 59-289 60-290 61-291 62-292 63-293 64-294 65-295 66-296 67-297 68-298
69-299 70-300 71-301 72-302 73-303 74-304 75-305 76-306 77-307 78-308 79-309 80-310 81-311 82-312 83-313 84-314 85-315
86-316 87-317 88-318 89-319 90-320 91-321 92-322 93-323 95-324 96-325 97-326 98-327 99-328 100-329 101-330 102-331
103-332 104-333 105-334 106-335 107-336 108-337 109-338 110-339 111-340 112-341 113-342 114-343 115-344 116-345
117-346 118-347 119-348 120-349 121-350 122-351 123-352 124-353 125-354 126-355 127-356 128-357 129-358 130-359
131-360 132-361 133-362 134-363 135-364 136-365 137-366 138-367 139-368 140-369 141-370 142-371 143-372 144-373
145-374 146-375 147-376 148-377 149-378 150-379 153-380 154-381 155-382 156-383 157-384 158-385 159-386 160-387
161-388 162-389 163-390 165-391 166-392 167-393 169-394 170-395 171-396 172-397 173-398 174-399 176-400 177-401
178-402 179-403 180-404 181-405 182-406 183-407 184-408 185-409 186-410 187-411 188-412 189-413 190-414 191-415
192-416 193-417 194-418 196-419 198-420 201-421 202-422 203-423 204-424 205-425 206-426 207-427 208-428 209-429
210-430 211-431 212-432 213-433 214-434 215-435 216-436 217-437 218-438 219-439 220-440 221-441 222-442 223-443
224-444 225-445 226-446 227-447 228-448 229-449 230-450 231-451 232-452 233-453 234-454 235-455 236-456 237-457
238-458 239-459 240-460 241-461 242-462 243-463 244-464 245-465 246-466 247-467
"""


def _mirror_table() -> NDArray[np.int64]:
    table = np.arange(NUM_POINTS)
    face = BLOCKS["face"].start
    face_pairs = [tuple(face + int(point) for point in pair.split("-")) for pair in _FACE_PAIRS.split()]
    left, right = (np.arange(NUM_POINTS)[BLOCKS[f"{side}_hand"]] for side in ("left", "right"))
    for one, other in (*_POSE_PAIRS, *face_pairs, *zip(left, right, strict=True)):
        table[one], table[other] = other, one
    return table


MIRROR: Final = _mirror_table()  # point -> the point on the other side of the body


def mirrored(points_TPX: NDArray[Any]) -> NDArray[Any]:
    """The body as a mirror shows it: what the right hand did the left one does.

    >>> body = np.zeros((1, NUM_POINTS, 3))
    >>> body[0, BLOCKS["right_hand"]] = [1.0, 2.0, 3.0]
    >>> mirrored(body)[0, 501].tolist(), mirrored(body)[0, 522].tolist()
    ([-1.0, 2.0, 3.0], [-0.0, 0.0, 0.0])
    """
    return np.asarray(points_TPX[:, MIRROR] * np.array([-1, 1, 1], dtype=points_TPX.dtype))
