//! A picture as it is kept: read pixel by pixel and drawn anew as a JPEG, so that nothing of the sent file goes along
//! but what one sees. Place, time, device and the preview of the camera stay behind, and so does whatever else hides in
//! a file. It knows no person and no visit; what a file is, its bytes say and not its name.

use std::fmt;
use std::io::Cursor;
use std::sync::Arc;

use base::limits::{PHOTO_BYTES, PHOTO_KEPT_BYTES, PHOTO_PIXELS, PHOTO_SIDE};
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};
use thiserror::Error;

/// Memory for one decoding: the largest picture with four bytes a pixel, and room to work.
const DECODING_BYTES: u64 = PHOTO_PIXELS * 5;
/// Longer side and quality, tried in this order until the picture is small enough. The last holds even for noise.
const DRAWN: [(u32, u8); 4] = [(PHOTO_SIDE, 80), (PHOTO_SIDE, 55), (1200, 50), (800, 40)];

/// At most [`PHOTO_SIDE`] pixels long and [`PHOTO_KEPT_BYTES`] big. Cheap to clone.
#[derive(Clone)]
pub struct Picture {
    jpeg: Arc<[u8]>,
    pub width: u32,
    pub height: u32,
}

/// Why a file is no picture that can be kept; shown beside the field.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum NotAPicture {
    #[error("写真が大きすぎます。1枚{}MBまでです。カメラの画質を下げて撮り直してください。", PHOTO_BYTES / 1024 / 1024)]
    TooLarge,
    #[error("写真の画素数が多すぎます（{}万画素まで）。カメラの画質を下げて撮り直してください。", PHOTO_PIXELS / 10_000)]
    TooManyPixels,
    /// No reader of it that we could prove: its libraries are C, and browsers other than Apple's do not show it.
    #[error(
        "HEIC形式の写真は受け付けていません。iPhone・iPadでは「設定」→「カメラ」→「フォーマット」で「互換性優先」を選び、撮り直してください。"
    )]
    Heic,
    #[error("写真ではないファイルです。JPEG・PNG・WebPの写真を選んでください。")]
    Unknown,
    #[error("写真が壊れているか、途中で切れています。もう一度撮るか、別の写真を選んでください。")]
    Damaged,
}

impl Picture {
    /// Reads what was sent: JPEG, PNG or WebP. Takes up to a second of a processor for the largest picture.
    pub fn read(bytes: &[u8]) -> Result<Picture, NotAPicture> {
        if bytes.len() > PHOTO_BYTES {
            return Err(NotAPicture::TooLarge);
        }
        let format = format(bytes)?;
        if format == ImageFormat::Jpeg && !reaches_its_end(bytes) {
            return Err(NotAPicture::Damaged);
        }
        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        let mut limits = image::Limits::no_limits();
        limits.max_alloc = Some(DECODING_BYTES);
        reader.limits(limits);
        let mut decoder = reader.into_decoder().map_err(|_| NotAPicture::Damaged)?;
        let (width, height) = decoder.dimensions();
        if u64::from(width) * u64::from(height) > PHOTO_PIXELS {
            return Err(NotAPicture::TooManyPixels);
        }
        // The camera notes how it was held beside the pixels; without that note the pixels themselves are turned.
        let held = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
        let mut picture = DynamicImage::from_decoder(decoder).map_err(|_| NotAPicture::Damaged)?;
        picture = within(picture, PHOTO_SIDE);
        picture.apply_orientation(held);
        Picture::draw(picture)
    }

    fn draw(mut picture: DynamicImage) -> Result<Picture, NotAPicture> {
        for (side, quality) in DRAWN {
            picture = within(picture, side);
            let pixels = picture.to_rgb8();
            let mut jpeg = Vec::new();
            JpegEncoder::new_with_quality(&mut jpeg, quality)
                .encode_image(&pixels)
                .map_err(|_| NotAPicture::Damaged)?;
            if jpeg.len() <= PHOTO_KEPT_BYTES {
                let (width, height) = pixels.dimensions();
                return Ok(Picture { jpeg: jpeg.into(), width, height });
            }
        }
        Err(NotAPicture::TooManyPixels)
    }

    pub fn jpeg(&self) -> &[u8] {
        &self.jpeg
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({}x{})", self.width, self.height)
    }
}

fn within(picture: DynamicImage, side: u32) -> DynamicImage {
    match picture.width().max(picture.height()) > side {
        true => picture.thumbnail(side, side),
        false => picture,
    }
}

/// What the first bytes say; the name and the kind that the browser claims are not asked.
fn format(bytes: &[u8]) -> Result<ImageFormat, NotAPicture> {
    match bytes {
        [0xFF, 0xD8, 0xFF, ..] => Ok(ImageFormat::Jpeg),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Ok(ImageFormat::Png),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok(ImageFormat::WebP),
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] if is_heic(brand) => Err(NotAPicture::Heic),
        _ => Err(NotAPicture::Unknown),
    }
}

/// Whether a JPEG has the mark of its end behind its pixels: one that was cut off would be read with the rest in grey.
/// Before the pixels stand segments with their lengths, the camera's preview among them; inside them `FF D9` cannot stand.
fn reaches_its_end(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some([0xFF, kind, high, low]) = bytes.get(at..at + 4) {
        if *kind == 0xDA {
            return bytes[at..].windows(2).any(|pair| pair == [0xFF, 0xD9]);
        }
        at += 2 + usize::from(u16::from_be_bytes([*high, *low]));
    }
    false
}

/// The brands of HEIF and AVIF pictures (ISO/IEC 23008-12); other files of this kind are films.
fn is_heic(brand: &[u8]) -> bool {
    let brands: [&[u8]; 7] = [b"heic", b"heix", b"hevc", b"heim", b"mif1", b"msf1", b"avif"];
    brands.iter().any(|known| brand.starts_with(known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageBuffer, Rgb, RgbImage};

    fn drawing(width: u32, height: u32) -> RgbImage {
        ImageBuffer::from_fn(width, height, |x, y| {
            Rgb([(x % 251) as u8, (y % 241) as u8, if x < y { 200 } else { 20 }])
        })
    }

    fn sent(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// A JPEG as a telephone makes it: how it was held (6: to be turned right), and where.
    fn from_a_telephone(picture: &RgbImage) -> Vec<u8> {
        let plain = sent(picture, ImageFormat::Jpeg);
        let mut exif = b"Exif\0\0MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
        exif.extend_from_slice(b"GPS 35.2231 137.0861 Kamera Taro");
        let mut bytes = plain[..2].to_vec();
        bytes.extend_from_slice(&[0xFF, 0xE1]);
        bytes.extend_from_slice(&u16::try_from(exif.len() + 2).unwrap().to_be_bytes());
        bytes.extend_from_slice(&exif);
        bytes.extend_from_slice(&plain[2..]);
        bytes.extend_from_slice(b"hidden behind the end");
        bytes
    }

    fn holds(bytes: &[u8], words: &[u8]) -> bool {
        bytes.windows(words.len()).any(|w| w == words)
    }

    #[test]
    fn every_kind_that_is_taken_becomes_a_jpeg() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
            let kept = Picture::read(&sent(&drawing(60, 40), format)).unwrap();
            assert_eq!((kept.width, kept.height), (60, 40), "{format:?}");
            assert_eq!(kept.jpeg()[..3], [0xFF, 0xD8, 0xFF]);
        }
    }

    #[test]
    fn nothing_of_the_camera_goes_along_and_the_picture_stands_upright() {
        let bytes = from_a_telephone(&drawing(60, 40));
        assert!(holds(&bytes, b"137.0861") && holds(&bytes, b"Exif"));
        let kept = Picture::read(&bytes).unwrap();
        assert_eq!((kept.width, kept.height), (40, 60), "it was held sideways");
        for words in [&b"137.0861"[..], b"Kamera", b"Exif", b"hidden"] {
            assert!(!holds(kept.jpeg(), words));
        }
    }

    #[test]
    fn a_large_picture_is_kept_small_and_so_is_noise() {
        let large = Picture::read(&sent(&drawing(2400, 1200), ImageFormat::Jpeg)).unwrap();
        assert_eq!((large.width, large.height), (PHOTO_SIDE, PHOTO_SIDE / 2));
        let mut state = 1u32;
        let noise = ImageBuffer::from_fn(1300, 1300, |_, _| {
            let mut byte = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            };
            Rgb([byte(), byte(), byte()])
        });
        let kept = Picture::read(&sent(&noise, ImageFormat::Png)).unwrap();
        assert!(kept.jpeg().len() <= PHOTO_KEPT_BYTES && kept.width >= 800);
    }

    #[test]
    fn a_file_that_is_not_what_it_claims_is_refused_by_its_bytes() {
        let [jpeg, png, webp] =
            [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP].map(|f| sent(&drawing(60, 40), f));
        for (bytes, why) in [
            (&b"%PDF-1.7 photo.jpg"[..], NotAPicture::Unknown),
            (b"", NotAPicture::Unknown),
            (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", NotAPicture::Unknown),
            (b"GIF89a\x01\0\x01\0", NotAPicture::Unknown),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", NotAPicture::Heic),
            (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", NotAPicture::Unknown),
            (b"\xFF\xD8\xFF\xE0 nothing follows", NotAPicture::Damaged),
            (b"RIFF\x10\0\0\0WEBPVP8 ", NotAPicture::Damaged),
            (&jpeg[..jpeg.len() - 2], NotAPicture::Damaged),
            (&png[..png.len() / 2], NotAPicture::Damaged),
            (&webp[..webp.len() / 2], NotAPicture::Damaged),
        ] {
            assert_eq!(Picture::read(bytes).map(|p| p.width), Err(why), "{:?}", String::from_utf8_lossy(bytes));
        }
        assert_eq!(Picture::read(&vec![0xFF; PHOTO_BYTES + 1]).map(drop), Err(NotAPicture::TooLarge));
    }

    #[test]
    fn a_small_file_that_would_fill_the_memory_is_refused_before_it_is_read() {
        // The head of a PNG of 30,000 by 30,000 pixels, with its checksum.
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0DIHDR".to_vec();
        png.extend_from_slice(&30_000u32.to_be_bytes());
        png.extend_from_slice(&30_000u32.to_be_bytes());
        png.extend_from_slice(&[8, 2, 0, 0, 0]);
        let sum = crc(&png[12..]);
        png.extend_from_slice(&sum.to_be_bytes());
        png.extend_from_slice(b"\0\0\0\0IDAT\x35\xAF\x06\x1E");
        assert_eq!(Picture::read(&png).map(drop), Err(NotAPicture::TooManyPixels));
    }

    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |c, _| if c & 1 == 1 { 0xEDB8_8320 ^ (c >> 1) } else { c >> 1 })
        })
    }
}
