"""Pictures are read and written faithfully, and what is no picture is refused in words."""

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image as Pillow

from dipsearch.errors import InputError, ResourceError
from dipsearch.problem import (
    TaskOptions,
    image_digest,
    load_case,
    natural_suffix,
    read_image,
    write_image,
    write_restored,
)
from dipsearch.problem.formats.png import encode_png16
from dipsearch.problem.formats.png_chunks import Chunk, encoded, with_chunks


def samples(channels, *, bits=8, height=7, width=9, seed=0):
    kind = np.uint8 if bits == 8 else np.uint16
    return np.random.default_rng(seed).integers(0, 2**bits, (height, width, channels)).astype(kind)


def as_array(image):
    """(1, C, H, W) tensor -> (H, W, C) whole numbers of the file."""
    return np.rint(image.pixels[0].permute(1, 2, 0).numpy().astype(np.float64) * (2**image.bits - 1)).astype(
        int
    )


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("LA", 2), ("RGB", 3), ("RGBA", 4)])
def test_an_8_bit_png_is_read_value_by_value(tmp_path, mode, channels):
    data = samples(channels)
    Pillow.fromarray(data[..., 0] if channels == 1 else data).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    colours = 1 if channels < 3 else 3
    assert image.bits == 8 and image.name == "a" and image.pixels.dtype == torch.float32
    assert np.array_equal(as_array(image), data[..., :colours])
    if channels in (2, 4):
        assert np.array_equal(np.rint(image.alpha[0, 0].numpy() * 255), data[..., -1])
    else:
        assert image.alpha is None


@pytest.mark.parametrize("name", [b"tEXt", b"zTXt"])
def test_exif_that_a_png_has_as_text_does_not_turn_the_restored_picture(tmp_path, name):
    exif = Pillow.Exif()
    exif[274], exif[271] = 6, "maker"
    digits = exif.tobytes().hex().encode()
    text = b"\nexif\n%8d\n" % (len(digits) // 2) + b"\n".join(
        digits[i : i + 72] for i in range(0, len(digits), 72)
    )
    held = b"Raw profile type exif\0" + (b"\0" + zlib.compress(text) if name == b"zTXt" else text)
    write_image(tmp_path / "plain.png", torch.rand(1, 1, 8, 12))
    (tmp_path / "a.png").write_bytes(with_chunks((tmp_path / "plain.png").read_bytes(), [Chunk(name, held)]))
    image = read_image(tmp_path / "a.png")
    assert image.pixels.shape[-2:] == (12, 8)
    write_image(tmp_path / "b.png", image.pixels, container=image.container)
    with Pillow.open(tmp_path / "b.png") as file:
        assert file.getexif().get(274, 1) == 1 and file.getexif()[271] == "maker"
        assert not any(key.lower().startswith("raw profile") for key in file.info)
    assert read_image(tmp_path / "b.png").pixels.shape[-2:] == (12, 8)


def test_transparency_of_32_bits_comes_back(tmp_path):
    data = np.full((9, 9, 4), 7, np.uint32)
    data[..., 3] = 2 * 10**9
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="rgb", extrasamples=(2,))
    image = read_image(tmp_path / "a.tif")
    assert image.alpha.mean() == pytest.approx(2e9 / (2**32 - 1), rel=1e-6)
    write_image(tmp_path / "b.tif", image.pixels, bits=32, alpha=image.alpha, container=image.container)
    assert np.allclose(tifffile.imread(tmp_path / "b.tif"), data, rtol=1e-6)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_16_bit_png_keeps_its_low_byte(tmp_path, channels):
    data = samples(channels, bits=16)
    (tmp_path / "a.png").write_bytes(encode_png16(data))
    image = read_image(tmp_path / "a.png")
    colours = 1 if channels < 3 else 3
    assert image.bits == 16
    assert np.array_equal(as_array(image), data[..., :colours])
    if channels in (2, 4):
        assert np.array_equal(np.rint(image.alpha[0, 0].double().numpy() * 65535), data[..., -1])


def test_our_16_bit_png_is_read_alike_by_pillow(tmp_path):
    grey, colour = samples(1, bits=16), samples(3, bits=16)
    (tmp_path / "g.png").write_bytes(encode_png16(grey))
    (tmp_path / "c.png").write_bytes(encode_png16(colour))
    assert np.array_equal(np.asarray(Pillow.open(tmp_path / "g.png")), grey[..., 0])
    assert np.array_equal(np.asarray(Pillow.open(tmp_path / "c.png")), colour >> 8)


def test_an_interlaced_16_bit_png_is_read(tmp_path):
    data = samples(3, bits=16, height=1, width=1)
    plain = encode_png16(data)
    # One pixel lies in the first of the seven passes alone, so only the header's flag differs.
    header = bytearray(plain[16:29])
    header[12] = 1
    chunk = b"IHDR" + bytes(header)
    (tmp_path / "a.png").write_bytes(plain[:12] + chunk + struct.pack(">I", zlib.crc32(chunk)) + plain[33:])
    assert np.array_equal(as_array(read_image(tmp_path / "a.png")), data)


def test_a_transparent_colour_becomes_alpha(tmp_path):
    data = samples(3)
    data[2, 3] = (1, 2, 3)
    Pillow.fromarray(data).save(tmp_path / "a.png", transparency=(1, 2, 3))
    alpha = read_image(tmp_path / "a.png").alpha
    assert alpha[0, 0, 2, 3] == 0 and alpha.sum() == alpha.numel() - 1


def test_a_palette_and_one_bit_are_read(tmp_path):
    data = samples(3) // 64 * 64
    Pillow.fromarray(data).quantize(200).save(tmp_path / "p.png")
    expected = np.asarray(Pillow.open(tmp_path / "p.png").convert("RGB"))
    assert np.array_equal(as_array(read_image(tmp_path / "p.png")), expected)
    bits = samples(1)[..., 0] > 127
    Pillow.fromarray(bits).save(tmp_path / "b.png")
    assert np.array_equal(read_image(tmp_path / "b.png").pixels[0, 0].numpy(), bits.astype(np.float32))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, orientation):
    from PIL import ImageOps

    exif = Pillow.Exif()
    exif[0x0112] = orientation
    Pillow.fromarray(samples(3)).save(tmp_path / "a.png", exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Pillow.open(tmp_path / "a.png")))
    assert np.array_equal(as_array(read_image(tmp_path / "a.png")), expected)


def test_orientation_holds_for_tiff_too(tmp_path):
    data = samples(3)
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="rgb", extratags=[(274, 3, 1, 6, True)])
    assert np.array_equal(as_array(read_image(tmp_path / "a.tif")), np.rot90(data, -1))


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_orientation_holds_for_a_tiff_with_a_palette(tmp_path, compression):
    picture = Pillow.fromarray(samples(1)[..., 0]).quantize(60)
    picture.save(tmp_path / "a.tif", tiffinfo={274: 6}, compression=compression)
    expected = np.rot90(np.asarray(picture.convert("RGB")), -1)
    assert np.array_equal(as_array(read_image(tmp_path / "a.tif")), expected)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_a_transparent_grey_of_few_bits_becomes_alpha(tmp_path, bits):
    data = np.arange(8, dtype=np.uint8)[None].repeat(8, 0) % 2**bits
    packed = np.packbits(np.unpackbits(data[..., None], axis=2)[..., 8 - bits :].reshape(8, -1), axis=1)
    rows = b"".join(b"\0" + row.tobytes() for row in packed)
    parts = [
        Chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, bits, 0, 0, 0, 0)),
        Chunk(b"tRNS", struct.pack(">H", 1)),
        Chunk(b"IDAT", zlib.compress(rows)),
        Chunk(b"IEND", b""),
    ]
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(encoded(part) for part in parts))
    image = read_image(tmp_path / "a.png")
    assert np.array_equal(as_array(image)[..., 0], data * (255 // (2**bits - 1)))
    assert np.array_equal(image.alpha[0, 0].numpy(), data != 1)


def test_a_jpeg_is_read_as_pillow_decodes_it(tmp_path):
    smooth = np.linspace(0, 255, 32 * 32 * 3).reshape(32, 32, 3).astype(np.uint8)
    Pillow.fromarray(smooth).save(tmp_path / "a.jpg", quality=90)
    expected = np.asarray(Pillow.open(tmp_path / "a.jpg"))
    assert np.array_equal(as_array(read_image(tmp_path / "a.jpg")), expected)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("bits", [8, 16, 32])
def test_tiff_keeps_any_channel_count_and_depth(tmp_path, channels, bits):
    values = torch.from_numpy(samples(channels, bits=16).astype(np.float32) / 65535).permute(2, 0, 1)[None]
    if bits == 32:
        values = values * 3 - 1  # floats keep their range
    elif bits == 8:
        values = torch.round(values * 255) / 255
    write_image(tmp_path / "a.tiff", values, bits=bits)
    image = read_image(tmp_path / "a.tiff")
    assert image.bits == bits and image.alpha is None
    assert (
        torch.equal(image.pixels, values) if bits == 32 else torch.allclose(image.pixels, values, atol=1e-7)
    )


@pytest.mark.parametrize("planes", ["contig", "separate"])
def test_three_bands_that_are_no_colours_stay_so(tmp_path, planes):
    data = samples(3, bits=16)
    held = data if planes == "contig" else np.moveaxis(data, 2, 0)
    tifffile.imwrite(tmp_path / "a.tif", held, photometric="minisblack", planarconfig=planes)
    image = read_image(tmp_path / "a.tif")
    write_image(tmp_path / "b.tif", image.pixels, bits=16, container=image.container)
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        page = file.pages[0]
        assert page.photometric == 1 and page.extrasamples == (0, 0)
        assert np.array_equal(page.asarray(), held)


def test_planes_first_and_axes_that_say_so_are_channels(tmp_path):
    data = samples(5)
    tifffile.imwrite(
        tmp_path / "s.tif", np.moveaxis(data, -1, 0), photometric="minisblack", metadata={"axes": "CYX"}
    )
    tifffile.imwrite(
        tmp_path / "p.tif", np.moveaxis(data[..., :3], -1, 0), photometric="rgb", planarconfig="separate"
    )
    assert np.array_equal(as_array(read_image(tmp_path / "s.tif")), data)
    assert np.array_equal(as_array(read_image(tmp_path / "p.tif")), data[..., :3])


def test_tiff_compressed_by_others_is_read(tmp_path):
    data = samples(3)
    Pillow.fromarray(data).save(tmp_path / "lzw.tif", compression="tiff_lzw")
    assert np.array_equal(as_array(read_image(tmp_path / "lzw.tif")), data)


@pytest.mark.parametrize(("bits", "words"), [(8, "ZSTD.*imagecodecs"), (16, "imagecodecs")])
def test_a_compression_that_is_not_known_here_is_not_taken_for_damage(tmp_path, monkeypatch, bits, words):
    def no_decoder(*_, **__):
        raise ModuleNotFoundError("No module named 'compression'")

    tifffile.imwrite(tmp_path / "a.tif", samples(3, bits=bits), photometric="rgb")
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as file:
        file.pages[0].tags["Compression"].overwrite(50000)
    monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", no_decoder)
    with pytest.raises(InputError, match=words) as caught:
        read_image(tmp_path / "a.tif")
    assert "damaged" not in str(caught.value)


def test_several_pages_are_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(samples(1)[..., 0], metadata=None)
        file.write(samples(1, height=5)[..., 0], metadata=None)
    with pytest.raises(InputError, match="2 pages"):
        read_image(tmp_path / "a.tif")


def test_of_a_pyramid_the_largest_picture_is_read_and_layers_are_left_behind(tmp_path):
    values = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    layers = (37724, 7, 40, b"Adobe Photoshop Document Data Block\0MIB8", True)
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(values, photometric="rgb", subifds=1, extratags=[layers])
        file.write(values[::2, ::2].copy(), photometric="rgb", subfiletype=1)
    case = load_case(str(path), TaskOptions("denoise", sigma=25), seed=0)
    assert case.notes[0] == (
        "a also holds 1 smaller copy and layers of Photoshop: the picture of full size is read, and comes back alone"
    )
    write_restored(tmp_path / "b.tif", case.problem.y, case)
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert np.array_equal(file.asarray(), values) and 37724 not in file.pages.first.tags


def test_white_is_zero_is_inverted(tmp_path):
    data = samples(1)[..., 0]
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="miniswhite")
    assert np.array_equal(as_array(read_image(tmp_path / "a.tif"))[..., 0], 255 - data.astype(int))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_float_tiff_with_a_hole_in_its_numbers_is_refused(tmp_path, value):
    data = np.zeros((8, 8), np.float32)
    data[3, 3] = value
    tifffile.imwrite(tmp_path / "a.tif", data)
    with pytest.raises(InputError, match=r"1 values that are NaN or infinite; .*finite.*; replace"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
def test_damaged_files_are_refused_in_three_parts(tmp_path, suffix):
    whole = tmp_path / f"whole{suffix}"
    Pillow.fromarray(samples(3, height=40, width=40)).save(whole)
    content = whole.read_bytes()
    for name, damaged in (("zero", b""), ("cut", content[: len(content) // 2]), ("noise", b"not a picture")):
        path = tmp_path / f"{name}{suffix}"
        path.write_bytes(damaged)
        with pytest.raises(InputError) as caught:
            read_image(path)
        assert str(path) in caught.value.given and caught.value.rule and caught.value.fix
        assert "\n" not in str(caught.value)


def test_what_is_not_there_or_a_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="no file"):
        read_image(tmp_path / "absent.png")
    with pytest.raises(InputError, match="is a folder"):
        read_image(tmp_path)


@pytest.mark.parametrize("side", [100_000, 12_000])
def test_a_png_that_declares_too_much_is_refused_from_its_header(tmp_path, side):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100))
    (tmp_path / "a.png").write_bytes(png + chunk(b"IEND", b""))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match=rf"{side:,} × {side:,} pixels; at most 134,217,728"):
            read_image(tmp_path / "a.png")


@pytest.mark.parametrize("shape", [(1, 1), (3, 7)])
def test_the_smallest_pictures_can_be_read(tmp_path, shape):
    write_image(tmp_path / "a.png", torch.full((1, 3, *shape), 0.2), bits=16)
    assert read_image(tmp_path / "a.png").pixels.shape == (1, 3, *shape)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("bits", [8, 16])
def test_writing_rounds_and_clips(tmp_path, channels, bits):
    largest = 2**bits - 1
    values = torch.tensor([-0.5, 0.4 / largest, 0.6 / largest, 0.5, 1.7]).repeat(1, channels, 1, 1)
    write_image(tmp_path / "a.png", values, bits=bits)
    image = read_image(tmp_path / "a.png")
    assert image.bits == bits and image.pixels.shape == values.shape
    assert as_array(image)[0, :, 0].tolist() == [0, 0, 1, (largest + 1) // 2, largest]


@pytest.mark.parametrize(("suffix", "bits"), [(".png", 8), (".png", 16), (".tiff", 8), (".tiff", 32)])
@pytest.mark.parametrize("channels", [1, 3])
def test_alpha_is_written_beside_the_colours(tmp_path, suffix, bits, channels):
    pixels = torch.rand(1, channels, 6, 5, generator=torch.Generator().manual_seed(0))
    alpha = (torch.arange(30).view(1, 1, 6, 5) % 2).float()
    write_image(tmp_path / f"a{suffix}", pixels, bits=bits, alpha=alpha)
    image = read_image(tmp_path / f"a{suffix}")
    assert torch.equal(image.alpha, alpha)
    assert torch.allclose(image.pixels, pixels, atol=0.5 / 255)


def test_formats_that_cannot_hold_a_picture_say_so(tmp_path):
    seven = torch.zeros(1, 7, 4, 4)
    for path, pixels, bits in (
        ("a.png", seven, 8),
        ("a.jpg", torch.zeros(1, 4, 4, 4), 8),
        ("a.jpg", torch.zeros(1, 3, 4, 4), 16),
        ("a.png", torch.zeros(1, 3, 4, 4), 32),
    ):
        with pytest.raises(InputError, match=r"write a \.tiff"):
            write_image(tmp_path / path, pixels, bits=bits)
    with pytest.raises(InputError, match="suffix"):
        write_image(tmp_path / "a.xyz", seven)
    with pytest.raises(InputError, match="NaN"):
        write_image(tmp_path / "a.tiff", seven * torch.nan)
    assert list(tmp_path.iterdir()) == []


def test_a_refused_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    write_image(path, torch.zeros(1, 1, 4, 4))
    before = path.read_bytes()

    def full(self, *args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Pillow.Image, "save", full)
    with pytest.raises(ResourceError, match="No space left"):
        write_image(path, torch.ones(1, 1, 4, 4))
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_the_natural_suffix_holds_the_picture():
    assert [natural_suffix(c, b) for c, b in ((1, 8), (3, 16), (3, 32), (7, 8))] == [
        ".png",
        ".png",
        ".tiff",
        ".tiff",
    ]


def test_the_digest_sees_values_and_shape():
    x = torch.arange(12.0).view(1, 3, 2, 2)
    assert image_digest(x) == image_digest(x.clone().to(memory_format=torch.channels_last))
    assert len({image_digest(x), image_digest(x + 1e-6), image_digest(x.view(1, 3, 4, 1))}) == 3
    assert len(image_digest(x)) == 12


def test_samples_need_no_network(monkeypatch):
    import socket

    monkeypatch.setattr(socket, "socket", None)
    assert read_image("sample:astronaut").pixels.shape == (1, 3, 512, 512)
    assert read_image("sample:cat").pixels.shape[1] == 3


def test_an_unknown_sample_lists_the_near_ones_and_all():
    with pytest.raises(
        InputError, match=r"'astronat'; bundled are astronaut, .*did you mean sample:astronaut"
    ):
        read_image("sample:astronat")
    with pytest.raises(InputError, match=r"no sample picture '../../etc'"):
        read_image("sample:../../etc")


def test_names_are_safe_for_files(tmp_path):
    odd = tmp_path / "..a b:c.png"
    write_image(odd, torch.zeros(1, 1, 2, 2))
    assert read_image(odd).name == "a b_c"
    assert Path(read_image("sample:camera").name).name == "camera"


def test_a_sample_is_reduced_when_it_says_so_and_only_then():
    whole, small = read_image("sample:astronaut"), read_image("sample:astronaut@64")
    assert whole.pixels.shape == (1, 3, 512, 512)
    assert small.pixels.shape == (1, 3, 64, 64)
    assert small.name == "astronaut-64"
    assert float(small.pixels.mean()) == pytest.approx(float(whole.pixels.mean()), abs=0.01)
    assert read_image("sample:chelsea@90").pixels.shape == (1, 3, 60, 90)


@pytest.mark.parametrize("side", ["", "x", "-5", "3", "1e3"])
def test_a_side_that_is_no_size_is_refused(side):
    with pytest.raises(InputError, match="longer side in pixels"):
        read_image(f"sample:astronaut@{side}")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_a_tiff_takes_the_exif_of_other_formats(tmp_path, suffix):
    exif = Pillow.Exif()
    exif[271], exif[315], exif[270] = "maker", "artist", "what it shows"
    exif.get_ifd(0x8825)[2] = (48.0, 8.0, 1.5)
    exif.get_ifd(0x8769)[0x829A] = 0.01
    Pillow.fromarray(samples(3)).save(tmp_path / f"a{suffix}", exif=exif)
    image = read_image(tmp_path / f"a{suffix}")
    write_image(tmp_path / "b.tif", image.pixels, container=image.container)
    with Pillow.open(tmp_path / "b.tif") as file:
        found = file.getexif()
        assert [found[code] for code in (271, 315, 270)] == ["maker", "artist", "what it shows"]
        assert found.get_ifd(0x8825)[2] == (48.0, 8.0, 1.5) and found.get_ifd(0x8769)[0x829A] == 0.01
    assert np.array_equal(as_array(read_image(tmp_path / "b.tif")), as_array(image))


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_other_formats_take_what_a_tiff_says_of_its_picture(tmp_path, suffix):
    data = samples(3)
    more = [(315, 2, 0, "artist", True), (33432, 2, 0, "(c) me", True)]
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="rgb", description="it shows", extratags=more)
    image = read_image(tmp_path / "a.tif")
    write_image(tmp_path / f"b{suffix}", image.pixels, container=image.container)
    with Pillow.open(tmp_path / f"b{suffix}") as file:
        assert [file.getexif()[code] for code in (270, 315, 33432)] == ["it shows", "artist", "(c) me"]
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="rgb")  # says its shape, which is nothing to keep
    assert read_image(tmp_path / "a.tif").container.exif is None


def test_the_comment_and_iptc_of_a_jpeg_are_kept(tmp_path):
    iptc = b"\x1c\x02\x05\x00\x05Title"
    held = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc
    segment = b"\xff\xed" + struct.pack(">H", len(held) + 2) + held
    Pillow.fromarray(samples(3)).save(tmp_path / "a.jpg", comment=b"a comment", extra=segment)
    image = read_image(tmp_path / "a.jpg")
    for name in ("b.jpg", "b.png", "b.tif"):
        write_image(tmp_path / name, image.pixels, container=image.container)
    with Pillow.open(tmp_path / "b.jpg") as file:
        assert file.info["comment"] == b"a comment" and file.info["photoshop"][0x0404] == iptc
    with Pillow.open(tmp_path / "b.png") as file:
        assert file.info["Comment"] == "a comment"
        assert bytes.fromhex("".join(file.info["Raw profile type iptc"].split("\n")[3:])) == iptc
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        tags = file.pages[0].tags
        assert tags["ImageDescription"].value == "a comment" and bytes(tags[33723].value) == iptc
    assert image.container.left_out_by(".webp") == ["text", "IPTC data"]
    assert image.container.left_out_by(".png") == []
