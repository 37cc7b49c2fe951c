//! A scanner: finds the codes in a picture that the program has made, and reads each.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

/// Pixels of a module where a page is looked at.
const PIXELS: usize = 3;

/// Dark places, row by row.
struct Picture {
    width: usize,
    dark: Vec<bool>,
}

impl Picture {
    fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            dark: vec![false; width * height],
        }
    }

    /// The texts of all codes that are found in it.
    fn read(&self) -> Vec<String> {
        let height = self.dark.len() / self.width;
        let grey = |x: usize, y: usize| if self.dark[y * self.width + x] { 0 } else { 255 };
        let mut seen = rqrr::PreparedImage::prepare_from_greyscale(self.width, height, grey);
        let grids = seen.detect_grids();
        grids.iter().map(|grid| grid.decode().unwrap().1).collect()
    }
}

/// Whole numbers of a text, one after another.
fn numbers(text: &str) -> Vec<usize> {
    let words = text.split(|c: char| !c.is_ascii_digit());
    words.filter_map(|word| word.parse().ok()).collect()
}

/// Every code of a page, one after another, as somebody with a scanner in his hand reads it.
pub fn page(svg: &str) -> Vec<String> {
    let size = svg.split("viewBox=\"").nth(1).unwrap().split('"').next().unwrap();
    let [_, _, width, height] = numbers(size)[..] else {
        panic!("{size}")
    };
    let codes = svg.split("<path d=\"").skip(1);
    codes
        .map(|code| {
            let mut picture = Picture::new(width * PIXELS, height * PIXELS);
            for run in code.split('"').next().unwrap().split('M').skip(1) {
                // M4 4h7v1h-7z: seven modules of row 4, from the fourth on.
                let [x, y, length, 1, _] = numbers(run)[..] else {
                    panic!("{run}")
                };
                for row in y * PIXELS..(y + 1) * PIXELS {
                    let from = row * picture.width + x * PIXELS;
                    picture.dark[from..from + length * PIXELS].fill(true);
                }
            }
            let mut found = picture.read();
            assert_eq!(found.len(), 1, "one code was held under the scanner");
            found.remove(0)
        })
        .collect()
}

/// The code in a PNG of one bit a pixel, whose bytes are not made smaller.
pub fn png(file: &[u8]) -> Vec<String> {
    let at = |name: &[u8]| file.windows(4).position(|w| w == name).unwrap();
    let word = |from: usize| u32::from_be_bytes(file[from..from + 4].try_into().unwrap()) as usize;
    let (head, data) = (at(b"IHDR") + 4, at(b"IDAT"));
    let (width, height) = (word(head), word(head + 4));
    let mut packed = &file[data + 6..data + 4 + word(data - 4) - 4];
    let mut rows = Vec::new();
    while let [_, low, high, _, _, rest @ ..] = packed {
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        rows.extend_from_slice(&rest[..length]);
        packed = &rest[length..];
    }
    let mut picture = Picture::new(width, height);
    for (y, row) in rows.chunks(1 + width / 8).enumerate() {
        for x in 0..width {
            picture.dark[y * width + x] = row[1 + x / 8] >> (7 - x % 8) & 1 == 0;
        }
    }
    picture.read()
}
